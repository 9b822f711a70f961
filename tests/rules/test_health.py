"""Health context: whole words in any disguise, and what a page is for."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from rules.health import HealthIndex, Sensitivity, find_terms, load_terms, words_of
from rules.page_kinds import PageKind, page_kind
from scanner.errors import ProblemsError
from tests.timing import BOUND, yardsticks

TERMS = load_terms()
INDEX = HealthIndex.build(TERMS)


def found(text: str) -> list[str]:
    return [term.term for term in find_terms(text, INDEX)]


def test_there_are_enough_terms_and_both_sensitivities() -> None:
    assert INDEX.term_count >= 800
    assert {group.sensitivity for group in TERMS.groups} == {Sensitivity.HIGH, Sensitivity.NORMAL}
    assert {group.kind for group in TERMS.groups} == {
        "condition", "symptom", "procedure", "specialty", "drug", "life-event",
    }  # fmt: skip


@pytest.mark.parametrize(
    "text",
    [
        "Postpartum Depression",
        "https://www.clinic.test/conditions/postpartum-depression/",
        "/PostpartumDepression/",
        "/postpartumDepression?x=1",
        "postpartum_depression",
        "POSTPARTUM_DEPRESSION",
        "postpartum%2Ddepression",
        "postpartum%252Ddepression",
        "postpartum+depression",
        "postpartumdepression",
        "lp_postpartum.depression_v2",
        "dl=https%3A%2F%2Fwww.clinic.test%2Fpostpartum-depression",
        "q=" + base64.b64encode(b"postpartum depression help").decode(),
        '{"page":{"title":"Postpartum\\u0020Depression"}}',
        "Postpartum&nbsp;Depression".replace("&nbsp;", "&#160;"),
    ],
)
def test_a_term_in_every_disguise(text: str) -> None:
    assert found(text) == ["postpartum depression"]


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("Kidney Stones", ["kidney stone"]),
        ("allergies treatment", ["allergy"]),
        ("hot flashes", ["hot flash"]),
        ("Parkinson's disease", ["parkinson disease"]),
        ("Parkinson’s", ["parkinson"]),
        ("/parkinson-s-disease", ["parkinson disease"]),
        ("parkinsons", ["parkinson"]),
        ("Ménière’s disease", ["meniere disease"]),
        ("type-2-diabetes", ["type 2 diabetes"]),
        ("covid19", ["covid 19"]),
        ("HIVTesting", ["hiv"]),
        ("/addiction/opioid-use-disorder/suboxone", ["addiction", "opioid use disorder", "suboxone"]),
        ("breast cancer", ["breast cancer"]),
        ("c-section", ["c section"]),
        ("anxiety, anxiety, anxiety", ["anxiety"]),
    ],
)
def test_plurals_apostrophes_accents_and_longest_match(text: str, terms: list[str]) -> None:
    assert found(text) == terms


@pytest.mark.parametrize(
    "text",
    [
        "cancerian", "stdlib", "stdout", "study", "predictable", "scarlet", "adhesive", "Kaposia", "heroines",
        "herpetology", "mediabetes", "classtroke", "e-mail us", "add to cart", "Ms. Smith",
        "hearing about period furniture",
        "gclid=EAIaIQobChMI-xHIVxPTSD9aHPVq", "fbp=fb.1.1700000000.PTSDx91", "a1hiv2b3", "id=9ADHD7x",
        "https://www.breastcancer.org/about", "https://cancer.clinic.test/contact",
        "health care doctor hospital wellness",
        "delivery of your order", "stroke-width:2", "ed tech news", "Als ich kam", "prep school", "test drive",
        "hive metastore", "", "%", "🙂",
    ],
)  # fmt: skip
def test_other_words_are_not_terms(text: str) -> None:
    assert found(text) == []


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("/conditions/ms/", ["ms"]),
        ("ALS symptoms and treatment", ["als"]),
        ("ED medication", ["ed"]),
        ("/std-testing", ["std testing"]),
        ("free STD screening", ["std"]),
        ("stroke symptoms", ["stroke symptom"]),
        ("hearing aids", ["hearing aid"]),
        ("multiple sclerosis (MS) ", ["multiple sclerosis", "ms"]),
    ],
)
def test_short_words_count_only_in_company(text: str, terms: list[str]) -> None:
    assert found(text) == terms


@pytest.mark.parametrize(
    ("text", "sensitivity", "kind"),
    [
        ("suicide prevention", "high", "condition"),
        ("methadone clinic", "high", "condition"),
        ("abortion", "high", "life-event"),
        ("leukemia", "high", "condition"),
        ("Zoloft", "high", "drug"),
        ("Ozempic", "normal", "drug"),
        ("hip replacement", "normal", "procedure"),
        ("cardiology", "normal", "specialty"),
        ("chest pain", "normal", "symptom"),
    ],
)
def test_groups_carry_kind_and_sensitivity(text: str, sensitivity: str, kind: str) -> None:
    [term] = find_terms(text, INDEX)
    assert (term.sensitivity.value, term.kind) == (sensitivity, kind)


def test_users_add_and_remove_terms() -> None:
    index = HealthIndex.build(TERMS, extra=["Dr. Quillfeather", "Juniper Pavilion"], ignored=["cardiology", "Covid-19"])
    assert [term.group for term in find_terms("/doctors/dr-quillfeather", index)] == ["custom"]
    assert [term.term for term in find_terms("JuniperPavilion", index)] == ["juniper pavilion"]
    assert find_terms("cardiology", index) == ()
    assert [term.term for term in find_terms("covid-19", index)] == ["covid"]


def test_words_of_ids_are_no_words() -> None:
    assert words_of("AbCdEfGh") == [""]
    assert words_of("a1b2c3") == ["a1b2c3"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("groups: [", "is no YAML"),
        ("[1, 2]", "needs `format: 1`"),
        ("format: 1\ngroups: []", "holds no group"),
        ("format: 1\ngroups:\n  - {id: a, sensitivity: odd, terms: [b]}", "must be high or normal"),
        ("format: 1\ngroups:\n  - {id: a, sensitivity: high, terms: [b, 5]}", "put numbers in quotes"),
        ("format: 1\ngroups:\n  - {id: a, sensitivity: high, terms: [b, b]}", "stands in group a, too"),
        ("format: 1\ngroups:\n  - {terms: [b]}", "has no `id`"),
    ],
)
def test_a_broken_terms_file_says_what_is_wrong(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "terms.yaml"
    path.write_text(text)
    with pytest.raises(ProblemsError, match=message.replace("`", ".")):
        load_terms(str(path))


def test_a_missing_terms_file_is_a_problem_with_its_name(tmp_path: Path) -> None:
    with pytest.raises(ProblemsError, match=r"nowhere\.yaml"):
        load_terms(str(tmp_path / "nowhere.yaml"))


def test_a_url_takes_some_microseconds() -> None:
    url = (
        "https://www.clinic.test/services/locations/springfield/schedule?utm_source=newsletter&utm_campaign=spring_2024"
        "&gclid=EAIaIQobChMI8d_abcDEFghiJKLmnopQRSTuvwx&ref=homepage-banner-2-and-something-more-to-read"
    )
    assert yardsticks(lambda: [find_terms(url, INDEX) for _ in range(4_000)], 40) < 40


@pytest.mark.parametrize("text", ["a-" * 500_000, "cancer " * 150_000, "%25" * 300_000, "Ab" * 500_000, "é" * 500_000])
def test_long_hostile_texts_take_no_long_time(text: str) -> None:
    assert yardsticks(lambda: find_terms(text, INDEX)) < BOUND


# --------------------------------------------------------------------------- page kinds


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("/mychart/login.asp", PageKind.PATIENT_PORTAL),
        ("/patient-portal/", PageKind.PATIENT_PORTAL),
        ("/PatientPortal", PageKind.PATIENT_PORTAL),
        ("/app/#/login", PageKind.PATIENT_PORTAL),
        ("/schedule-online/", PageKind.APPOINTMENT),
        ("/request-an-appointment", PageKind.APPOINTMENT),
        ("/cardiology/appointments", PageKind.APPOINTMENT),
        ("/symptom-checker", PageKind.SYMPTOM_CHECKER),
        ("/tools/due-date-calculator", PageKind.SYMPTOM_CHECKER),
        ("/pharmacy/refill", PageKind.PHARMACY),
        ("/new-patient-forms", PageKind.INTAKE_FORM),
        ("/contact-us/", PageKind.INTAKE_FORM),
        ("/pay-my-bill", PageKind.BILLING),
        ("/financial-assistance/", PageKind.BILLING),
        ("/find-a-doctor?specialty=oncology", PageKind.FIND_A_DOCTOR),
        ("/providers/jane-roe-md", PageKind.FIND_A_DOCTOR),
        ("/search?q=rash", PageKind.SEARCH),
        ("/?s=rash", PageKind.SEARCH),
        ("/conditions/asthma", PageKind.CONDITION),
        ("/services/orthopedics/", PageKind.CONDITION),
        ("/careers/nurse/apply", PageKind.CAREERS),
        ("/careers/search?q=nurse", PageKind.CAREERS),
        ("/news/new-cancer-center", PageKind.NEWS),
        ("/about-us/newsroom/2024/appointment-of-a-new-director", PageKind.NEWS),
        ("/employee-portal", None),
        ("/", None),
        ("/locations/springfield", None),
    ],
)
def test_page_kinds_by_address(url: str, kind: PageKind | None) -> None:
    assert page_kind(f"https://www.clinic.test{url}", None) is kind


@pytest.mark.parametrize(
    ("fields", "has_password", "kind"),
    [
        ((), True, PageKind.PATIENT_PORTAL),
        (("password:pw", "text:user"), False, PageKind.PATIENT_PORTAL),
        (("text:preferred_date", "text:name"), False, PageKind.APPOINTMENT),
        (("text:first_name", "email:email", "tel:phone"), False, PageKind.INTAKE_FORM),
        (("text:dob", "text:insurance", "text:allergies"), False, PageKind.INTAKE_FORM),
        (("email:email", "submit:go"), False, None),
        (("search:q",), False, None),
    ],
)
def test_page_kinds_by_form(fields: tuple[str, ...], has_password: bool, kind: PageKind | None) -> None:
    assert page_kind("https://www.clinic.test/x1", "Welcome", fields, has_password) is kind


def test_title_and_terms_help_where_the_address_is_silent() -> None:
    url = "https://www.clinic.test/page/4711"
    assert page_kind(url, "Request an appointment | Mercy Clinic Services") is PageKind.APPOINTMENT
    assert page_kind(url, "Welcome | Mercy Clinic Services") is None
    assert page_kind(url, "Asthma | Mercy Clinic", has_health_terms=True) is PageKind.CONDITION
    assert page_kind("https://www.clinic.test/careers/x", "Login", ("password:p",)) is PageKind.PATIENT_PORTAL
