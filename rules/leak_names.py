"""Names of fields that hold a person's identifiers, and mailboxes that are a person's or a clinic's. Values."""

from __future__ import annotations

from typing import Final

from scanner.model import ExposureKind

HASHED_NAMES: Final = frozenset(
    (
        "em", "email", "emails", "mail", "hem", "he", "e_h", "eh", "hashed_email", "email_hash", "hashedemail",
        "emailhash", "sha256_email", "sha256_email_address", "sha1_email", "md5_email", "email_sha256",
        "email_sha1", "email_md5", "u_hem", "auto_em", "aem", "email_address", "user_email",
        "hashed_email_address", "uhem", "xhem", "hemail", "eme", "e_mail", "customer_email", "hashed_em",
        "em_sha256",
    )
)  # fmt: skip
PHONE_NAMES: Final = frozenset(
    (
        "ph", "pn", "phone", "phones", "phone_number", "phonenumber", "tel", "telephone", "mobile",
        "mobile_phone", "cell", "cellphone", "phone_hash", "hashed_phone", "hashed_phone_number",
        "sha256_phone_number", "u_hpn", "hpn", "auto_ph", "home_phone", "work_phone", "contact_number",
        "phone_sha256", "patient_phone", "caller", "callback_number",
    )
)  # fmt: skip
EMAIL_WORDS: Final = frozenset({"email", "emails", "mail", "hem", "ehem", "uhem", "eml", "emailhash", "hashemail"})
PHONE_WORDS: Final = frozenset({"phone", "phones", "mobile", "telephone", "hpn", "phonehash"})
"""Words in the name of a field whose value is a digest: `eml_sha256`, `user_email_hash`."""
ID_NAMES: Final = frozenset({"external_id", "externalid", "extern_id", "user_id", "userid", "uid", "eid", "user_data"})
SSN_NAMES: Final = frozenset({"ssn", "social", "social_security", "social_security_number", "ssn_last4", "ss", "taxid"})
MRN_NAMES: Final = frozenset(
    (
        "mrn", "medical_record", "medical_record_number", "medicalrecordnumber", "patient_id", "patientid",
        "patient_number", "chart_number", "member_id", "memberid", "subscriber_id", "health_record",
        "record_number",
    )
)  # fmt: skip
BIRTH_NAMES: Final = frozenset(
    (
        "dob", "db", "birthdate", "birth_date", "date_of_birth", "dateofbirth", "birthday", "bday",
        "patient_dob",
    )
)  # fmt: skip
NAME_NAMES: Final = frozenset(
    (
        "fn", "ln", "first_name", "last_name", "firstname", "lastname", "fname", "lname", "full_name",
        "fullname", "name", "given_name", "family_name", "surname", "patient_name", "username", "user_name",
        "customer_name",
    )
)  # fmt: skip
GIVEN_NAMES: Final = frozenset(
    ("first_name", "last_name", "firstname", "lastname", "fname", "lname", "patient_name", "full_name", "fullname")
)
"""Names of fields that hold nothing but a person's name."""
ADDRESS_NAMES: Final = frozenset(
    (
        "address", "street", "street_address", "addr", "address1", "sa", "ct", "zp", "zip", "city",
    )
)  # fmt: skip
NAMES: Final = {
    ExposureKind.EMAIL: HASHED_NAMES,
    ExposureKind.PHONE: PHONE_NAMES,
    ExposureKind.EXTERNAL_ID: ID_NAMES | MRN_NAMES | SSN_NAMES,
    ExposureKind.DATE_OF_BIRTH: BIRTH_NAMES,
    ExposureKind.NAME: NAME_NAMES,
    ExposureKind.ADDRESS: ADDRESS_NAMES,
}
ROLES: Final = frozenset(
    (
        "info", "contact", "support", "noreply", "no-reply", "donotreply", "hello", "admin", "webmaster",
        "press", "media", "office", "sales", "help", "service", "privacy", "careers", "jobs", "hr", "billing",
        "marketing", "postmaster", "appointments", "feedback", "news", "newsletter", "legal", "security",
        "abuse", "team", "mail",
    )
)  # fmt: skip
PRIVATE_MAIL: Final = frozenset(
    (
        "gmail.com", "googlemail.com", "yahoo.com", "ymail.com", "rocketmail.com", "hotmail.com", "outlook.com",
        "live.com", "msn.com", "icloud.com", "me.com", "mac.com", "aol.com", "comcast.net", "verizon.net", "att.net",
        "sbcglobal.net", "bellsouth.net", "cox.net", "charter.net", "proton.me", "protonmail.com", "gmx.com",
        "gmx.net", "gmx.de", "web.de", "mail.com", "zoho.com", "hotmail.co.uk", "yahoo.co.uk", "yahoo.ca",
    )
)  # fmt: skip
"""Where people, not clinics, have their mailboxes."""
PERSONAL_NAMES: Final = PHONE_NAMES | SSN_NAMES | MRN_NAMES | BIRTH_NAMES | GIVEN_NAMES
