"""The words of the bundled clinic, and which template shows them where. Everything is made up."""

from __future__ import annotations

from typing import Any

MENU = (
    ("/services/", "Services"),
    ("/doctors/", "Find a doctor"),
    ("/blog/", "Blog"),
    ("/billing/", "Billing"),
    ("/contact/", "Contact"),
    ("/portal/", "Patient portal"),
)

SERVICES: tuple[dict[str, Any], ...] = (
    {
        "slug": "primary-care",
        "title": "Primary care",
        "teaser": "Check-ups, vaccinations and a doctor who knows your story.",
        "text": (
            "A yearly visit takes half an hour. We look at what has changed and what runs in the family.",
            "Same-day slots are kept free every morning for coughs, rashes and other surprises.",
        ),
        "note": "Bring a list of everything you take, herbal teas included.",
    },
    {
        "slug": "womens-health",
        "title": "Women's health",
        "teaser": "From the first question to the years after: midwives and doctors together.",
        "text": (
            "Our midwives look after quiet pregnancies, and call a doctor in when something is unusual.",
            "Contraception, fertility and menopause have their own hour on Thursday evenings.",
        ),
        "note": "You may always ask for a woman to examine you.",
    },
    {
        "slug": "postpartum-depression",
        "title": "Postpartum depression",
        "teaser": "One parent in seven feels it. It has a name, and it gets better.",
        "text": (
            "Sadness that stays, fear that something is wrong with the baby, no sleep at night: say it aloud.",
            "We start with a conversation. Therapy, a group on Tuesdays and, if you wish, medicine follow.",
        ),
        "note": "If you think of harming yourself or your child, call or text 988 now. Somebody answers at any hour.",
    },
    {
        "slug": "heart-and-circulation",
        "title": "Heart and circulation",
        "teaser": "Blood pressure, rhythm and the long run.",
        "text": (
            "A resting and a stress test are done here, the results discussed on the same day.",
            "We lend you a monitor for a week and look at the numbers together.",
        ),
        "note": "Chest pain that does not pass is an emergency: call 911.",
    },
)

DOCTORS = (
    {"initials": "AO", "name": "Amara Okafor, MD", "field": "Family medicine"},
    {"initials": "LB", "name": "Lukas Brandt, MD", "field": "Heart and circulation"},
    {"initials": "MS", "name": "Mei Sato, MD", "field": "Women's health"},
    {"initials": "RN", "name": "Rosa Navarro, PhD", "field": "Therapy, postpartum depression"},
)

POSTS: tuple[dict[str, Any], ...] = (
    {
        "slug": "sleep-with-a-newborn",
        "title": "Sleeping with a newborn in the house",
        "when": "March 3",
        "teaser": "Three things that help more than advice.",
        "text": (
            "Share the night in two shifts. Whoever is off sleeps in another room, with the door closed.",
            "Daylight before noon sets two clocks at once, yours and the baby's.",
        ),
    },
    {
        "slug": "know-your-numbers",
        "title": "Know your numbers",
        "when": "February 11",
        "teaser": "What blood pressure means, in two minutes.",
        "text": (
            "The upper number is the push, the lower one the pause. Both matter.",
            "Measure sitting, after five quiet minutes, twice. Write down the second.",
        ),
    },
)

PAGES: dict[str, tuple[str, dict[str, Any]]] = {
    "/": ("home.html", {}),
    "/services/": ("services.html", {}),
    "/doctors/": ("doctors.html", {}),
    "/appointments/": ("appointments.html", {}),
    "/portal/": ("portal.html", {}),
    "/blog/": ("blog.html", {}),
    "/contact/": ("contact.html", {}),
    "/billing/": ("billing.html", {}),
    **{f"/services/{entry['slug']}/": ("service.html", {"service": entry}) for entry in SERVICES},
    **{f"/blog/{entry['slug']}/": ("post.html", {"post": entry}) for entry in POSTS},
}
"""Path → (template, what only this page needs)."""

TRACKED: dict[str, dict[str, Any]] = {
    "/services/postpartum-depression/": {
        "event": "viewcategory",
        "fields": {"category_title": "Postpartum depression"},
    },
    "/appointments/": {
        "event": "lead",
        "fields": {"lead_type": "Appointment request", "property": "Postpartum depression"},
    },
}
"""What marketing told the tag to report besides the page view."""
