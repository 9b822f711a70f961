"""When something is due, and the ringing. The only importer of APScheduler; it knows nothing of sites and scans."""
