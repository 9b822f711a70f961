"""What a page of a hospital's site is for, from its address, title and form: some pages say more than others."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Final
from urllib.parse import urlsplit

from rules.health import words_of
from rules.page_address import SEARCH_PARAMETERS
from rules.tokens import plain


class PageKind(StrEnum):
    """From the most to the least telling."""

    PATIENT_PORTAL = "patient-portal"
    """Portal or login: whoever is here is a patient."""
    APPOINTMENT = "appointment"
    SYMPTOM_CHECKER = "symptom-checker"
    PHARMACY = "pharmacy"
    INTAKE_FORM = "intake-form"
    """Asks for contact or clinical details."""
    BILLING = "billing"
    FIND_A_DOCTOR = "find-a-doctor"
    SEARCH = "search"
    CONDITION = "condition"
    """Page of a condition, treatment or service line."""
    CAREERS = "careers"
    NEWS = "news"


Phrase = tuple[str, ...]


def _phrases(listed: str) -> tuple[Phrase, ...]:
    return tuple(tuple(phrase.split()) for phrase in listed.split(","))


_PHRASES: Final[tuple[tuple[PageKind, tuple[Phrase, ...]], ...]] = (
    (
        PageKind.PATIENT_PORTAL,
        _phrases(
            "patient portal, mychart, my chart, login, log in, signin, sign in, logon, followmyhealth, my health "
            "record, test results, my account, portal login, patientportal, myhealth, medical records, register "
            "account, create account, forgot password, reset password, video visit, telehealth visit"
        ),
    ),
    (
        PageKind.APPOINTMENT,
        _phrases(
            "appointment, appointments, schedule visit, schedule online, online scheduling, scheduling, book "
            "online, book now, request visit, book visit, openscheduling, open scheduling, check in online, save "
            "my spot, hold my place, get in line, second opinion, schedule mammogram, schedule screening"
        ),
    ),
    (
        PageKind.SYMPTOM_CHECKER,
        _phrases(
            "symptom checker, symptoms checker, symptomchecker, check symptoms, check your symptoms, risk "
            "assessment, health assessment, self assessment, health risk, health quiz, screening quiz, triage, "
            "bmi calculator, due date calculator, ovulation calculator, pregnancy calculator, depression test, "
            "anxiety test"
        ),
    ),
    (
        PageKind.PHARMACY,
        _phrases("pharmacy, pharmacies, refill, refills, prescription, prescriptions, rx, medication list"),
    ),
    (
        PageKind.INTAKE_FORM,
        _phrases(
            "intake, intake form, new patient form, new patient forms, patient forms, pre registration, "
            "preregistration, pre register, registration form, referral form, request information, contact us, "
            "contact form, medical history, health history, consent form, patient registration, clinical trial "
            "form"
        ),
    ),
    (
        PageKind.BILLING,
        _phrases(
            "billing, bill pay, billpay, pay bill, pay my bill, pay your bill, pay online, financial assistance, "
            "charity care, payment plan, guest pay, price estimate, cost estimate, estimate cost, insurance plans"
        ),
    ),
    (
        PageKind.FIND_A_DOCTOR,
        _phrases(
            "find a doctor, find doctor, find a provider, find provider, find a physician, find physician, "
            "provider directory, physician directory, doctor search, physician finder, doctors, physicians, "
            "providers, our doctors, our providers, provider profile, doctor profile, finddoctor, find care"
        ),
    ),
    (PageKind.SEARCH, _phrases("search, search results, sitesearch, site search")),
    (
        PageKind.CONDITION,
        _phrases(
            "conditions, condition, diseases, treatments, treatment, services, service line, specialties, "
            "departments, centers, programs, health library, health topics, medical services, care and treatment, "
            "diseases and conditions, conditions treated, conditions we treat, procedures, surgeries"
        ),
    ),
)
_STAFF: Final = _phrases(
    "careers, career, jobs, job, employment, job openings, residency, fellowship, volunteer, volunteers, "
    "for employees, human resources"
)
_PRESS: Final = _phrases(
    "news, newsroom, press, press releases, media, blog, blogs, stories, events, event, about, about us, "
    "annual report, magazine, podcast, calendar"
)
_CLINICAL_FIELDS: Final = _phrases(
    "dob, birth, birthdate, birthday, ssn, insurance, member id, policy, symptom, symptoms, medication, "
    "medications, allergies, diagnosis, reason, medical, pregnant, gender, sex, health, mrn, patient, "
    "emergency contact, physician, provider, condition, history"
)
_PERSONAL_FIELDS: Final = _phrases(
    "first name, last name, firstname, lastname, fname, lname, full name, email, e mail, mail, phone, "
    "tel, mobile, address, zip, city, message, comments, dob, birthdate, name"
)
_APPOINTMENT_FIELDS: Final = _phrases(
    "appointment, preferred date, preferred time, preferreddate, preferredtime, preferred day, visit "
    "reason, reason for visit, visit type, new patient, appointment date, requested date, timeslot, time "
    "slot"
)
_PASSWORD_FIELDS: Final = ("password:",)
_SIGN_IN_WORDS: Final = frozenset(("login", "signin", "logon", "mychart", "patientportal"))
MAX_CHARS: Final = 2_000


def page_kind(
    url: str,
    title: str | None = None,
    form_fields: Sequence[str] = (),
    has_password: bool = False,
    *,
    has_health_terms: bool = False,
) -> PageKind | None:
    """Return what a page is for; None if nothing tells. Never raises.

    `form_fields` are `type:name` as captured. `has_health_terms` says that `find_terms` found something in
    address or title: such a page is at least a condition page. Password fields and portal words win over everything,
    forms over words; careers and news win over plain words, because a story about a condition is a story.
    """
    if has_password or any(field.startswith(_PASSWORD_FIELDS) for field in form_fields):
        return PageKind.PATIENT_PORTAL
    path, query = _address(url)
    words = words_of(path)
    titled = words_of(title[:MAX_CHARS]) if title else []
    if _SIGN_IN_WORDS.intersection(words):
        return PageKind.PATIENT_PORTAL
    by_form = _by_form(form_fields)
    if by_form is PageKind.APPOINTMENT:
        return by_form
    if _begins(words, _STAFF):
        return PageKind.CAREERS
    if _begins(words, _PRESS):
        return PageKind.NEWS
    by_path = _by_words(words)
    if by_path is not None and by_path is not PageKind.CONDITION:
        return by_path
    if by_form is not None:
        return by_form
    if _searches(query):
        return PageKind.SEARCH
    by_title = _by_words(titled)
    # A title names the whole site as well, so its general words count for nothing.
    if by_title is not None and by_title not in (PageKind.CONDITION, PageKind.SEARCH):
        return by_title
    if by_path is PageKind.CONDITION or has_health_terms:
        return PageKind.CONDITION
    return None


def _address(url: str) -> tuple[str, str]:
    try:
        parts = urlsplit(url[:MAX_CHARS])
    except ValueError:
        return "", ""
    path = parts.path
    # Hash routes are paths in disguise.
    if parts.fragment.startswith(("/", "!/")):
        path = f"{path}/{parts.fragment}"
    return plain(path), parts.query


def _begins(words: list[str], phrases: Iterable[Phrase]) -> bool:
    """Say whether a phrase stands among the first words of the path: `/careers/…`, `/en/about-us/news/…`."""
    return any(_stands(words[:4], phrase) for phrase in phrases)


def _by_words(words: list[str]) -> PageKind | None:
    for kind, phrases in _PHRASES:
        if any(_stands(words, phrase) for phrase in phrases):
            return kind
    return None


def _stands(words: list[str], phrase: Phrase) -> bool:
    size = len(phrase)
    if size == 1:
        return phrase[0] in words
    return phrase[0] in words and any(tuple(words[at : at + size]) == phrase for at in range(len(words) - size + 1))


def _by_form(form_fields: Sequence[str]) -> PageKind | None:
    clinical = personal = 0
    for field in form_fields[:200]:
        words = words_of(field.partition(":")[2][:100])
        if any(_stands(words, phrase) for phrase in _APPOINTMENT_FIELDS):
            return PageKind.APPOINTMENT
        clinical += any(_stands(words, phrase) for phrase in _CLINICAL_FIELDS)
        personal += any(_stands(words, phrase) for phrase in _PERSONAL_FIELDS)
    # One e-mail field is a newsletter; three fields about a person are a form.
    return PageKind.INTAKE_FORM if personal >= 3 or (clinical >= 1 and clinical + personal >= 3) else None


def _searches(query: str) -> bool:
    for pair in query.split("&")[:100]:
        name, _, value = pair.partition("=")
        if value and name.lower() in SEARCH_PARAMETERS:
            return True
    return False
