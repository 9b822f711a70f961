"""Pages to look at: an overview of all sites, a page for each site, its months and its incidents. Pure."""
