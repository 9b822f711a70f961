"""Which capabilities a container switches on: the settings Google ships as `__ogt_*` and `__ccd_*` entries."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from rules.container_literal import JsValue
from rules.container_model import ContainerFeature
from rules.container_vendors import LISTENERS
from rules.container_words import Variables, list_items, map_items

_USER_DATA_SWITCHES: Final = {
    "vtp_isEnabled": "user-provided data collection",
    "vtp_isAutoEnabled": "automatic user-provided data detection",
    "vtp_isAutoCollectPiiEnabledFlag": "automatic user-provided data detection",
    "vtp_autoEmailEnabled": "automatic e-mail detection",
    "vtp_autoPhoneEnabled": "automatic phone detection",
    "vtp_autoAddressEnabled": "automatic name and address detection",
    "vtp_manualEmailEnabled": "e-mail by page selector",
    "vtp_manualPhoneEnabled": "phone by page selector",
    "vtp_manualAddressEnabled": "name and address by page selector",
}
_DEPENDS_ON_COLLECTION: Final = frozenset(_USER_DATA_SWITCHES) - {"vtp_isEnabled"}
_AUTO_EVENT_SWITCHES: Final = {
    "vtp_enableForm": "enhanced measurement of form interactions",
    "vtp_enableScroll": "enhanced measurement of scrolling",
    "vtp_enableDownload": "enhanced measurement of file downloads",
    "vtp_enableOutboundClick": "enhanced measurement of outbound clicks",
    "vtp_enableHistoryEvents": "enhanced measurement of history changes",
    "vtp_enableVideo": "enhanced measurement of videos",
    "vtp_enablePageView": "enhanced measurement of page views",
    "vtp_enableSiteSearch": "enhanced measurement of site search",
}
_PRESENT: Final = {
    "__ccd_em_form": "enhanced measurement of form interactions",
    "__ccd_em_scroll": "enhanced measurement of scrolling",
    "__ccd_em_download": "enhanced measurement of file downloads",
    "__ccd_em_outbound_click": "enhanced measurement of outbound clicks",
    "__ccd_em_page_view": "enhanced measurement of page views",
    "__ccd_em_site_search": "enhanced measurement of site search",
    "__ccd_em_video": "enhanced measurement of videos",
    "__ccd_ga_ads_link": "Google Ads link",
    "__ccd_add_1p_data": "user-provided data added to events",
    "__ccd_pre_auto_pii": "automatic user-provided data detection before events",
    "__ogt_cross_domain": "cross-domain linking",
    "__ogt_ip_redaction": "IP redaction",
    "__ogt_dma": "Digital Markets Act settings",
    "__ogt_ga_send": "sends to Google Analytics",
    "__ogt_ip_mark": "internal traffic marked by IP",
    "__ogt_referral_exclusion": "referral exclusion",
    "__ogt_session_timeout": "session timeout",
    "__ogt_google_signals": "Google signals",
    "__ogt_event_create": "event created",
    "__ogt_event_edit": "event edited",
    "__ogt_auto_events": "automatic events",
}
_PLUMBING: Final = frozenset({"__ccd_ga_first", "__ccd_ga_last", "__set_product_settings", "__ogt_1p_data_v2"})
_SETTING_PREFIXES: Final = ("__ogt_", "__ccd_", "__set_product_settings", "__gct")
_ADS_SWITCHES: Final = ("vtp_enableEnhancedConversion", "vtp_enableEnhancedConversions")


def is_setting(function: str) -> bool:
    """Say whether an entry configures the Google tag instead of sending something itself."""
    return function.startswith(_SETTING_PREFIXES)


def features_of(
    function: str, tag: Mapping[str, JsValue], account: str | None, variables: Variables
) -> Iterator[ContainerFeature]:
    """Yield the capabilities that one entry of the tag list switches on or off."""
    if function in LISTENERS:
        yield ContainerFeature(f"watches {LISTENERS[function]}", True)
    elif function == "__ogt_1p_data_v2":
        yield from _user_data(tag, account)
    elif function == "__ogt_auto_events":
        for key, name in _AUTO_EVENT_SWITCHES.items():
            if key in tag:
                yield ContainerFeature(name, _is_on(tag[key]), account)
    elif function == "__ccd_auto_redact":
        yield from _redaction(tag, account, variables)
    elif function == "__ccd_ga_regscope":
        yield from _regions(tag, account, variables)
    elif function == "__ogt_google_signals":
        on = variables.text(tag.get("vtp_googleSignals")).upper() in ("ENABLED", "TRUE", "1")
        yield ContainerFeature("Google signals", on, account)
    elif function == "__ccd_conversion_marking":
        yield ContainerFeature("conversions marked", True, account, _conversions(tag, variables))
    elif function in ("__ogt_event_create", "__ogt_event_edit"):
        yield ContainerFeature(_PRESENT[function], True, account, variables.text(tag.get("vtp_eventName")) or None)
    elif function == "__ogt_cross_domain":
        rules = variables.text(tag.get("vtp_rules")) or None
        yield ContainerFeature("cross-domain linking", rules is not None, account, rules)
    elif function in _PRESENT:
        search = (
            variables.text(tag.get("vtp_searchQueryParams")) or None if function == "__ccd_em_site_search" else None
        )
        yield ContainerFeature(_PRESENT[function], True, account, search)
        if function == "__ccd_em_page_view" and "vtp_historyEvents" in tag:
            on = _is_on(tag["vtp_historyEvents"])
            yield ContainerFeature("enhanced measurement of history changes", on, account)
    elif function.startswith(("__ogt_", "__ccd_")) and function not in _PLUMBING:
        yield ContainerFeature(function.strip("_"), True, account)
    for key in _ADS_SWITCHES:
        if _is_on(tag.get(key)):
            yield ContainerFeature("enhanced conversions", True, account)
    yield from _consent_defaults(tag, variables)


def _is_on(value: JsValue) -> bool:
    return value is True or value == "true" or value == 1


def _user_data(tag: Mapping[str, JsValue], account: str | None) -> Iterator[ContainerFeature]:
    collects = _is_on(tag.get("vtp_isEnabled", True))
    found: dict[str, bool] = {}
    for key, name in _USER_DATA_SWITCHES.items():
        if key in tag:
            on = _is_on(tag[key]) and (collects or key not in _DEPENDS_ON_COLLECTION)
            found[name] = found.get(name, False) or on
    for name, on in found.items():
        yield ContainerFeature(name, on, account)


def _redaction(tag: Mapping[str, JsValue], account: str | None, variables: Variables) -> Iterator[ContainerFeature]:
    yield ContainerFeature("e-mail redaction in URLs", _is_on(tag.get("vtp_redactEmail")), account)
    parameters = variables.text(tag.get("vtp_redactQueryParams")) or None
    if parameters:
        yield ContainerFeature("query parameter redaction", True, account, parameters)


def _regions(tag: Mapping[str, JsValue], account: str | None, variables: Variables) -> Iterator[ContainerFeature]:
    for row in list_items(tag.get("vtp_settingsTable"))[:20]:
        entries = map_items(row)
        group = variables.text(entries.get("redactFieldGroup")).replace("_", " ").lower()
        if not group:
            continue
        everywhere = _is_on(entries.get("disallowAllRegions"))
        regions = variables.text(entries.get("disallowedRegions")) or None
        yield ContainerFeature(
            f"{group} not collected", everywhere or regions is not None, account, None if everywhere else regions
        )


def _conversions(tag: Mapping[str, JsValue], variables: Variables) -> str | None:
    names: list[str] = []
    for row in list_items(tag.get("vtp_conversionRules"))[:50]:
        rule = variables.text(map_items(row).get("matchingRules"), 2_000)
        _, marker, rest = rule.partition('"stringValue":"')
        name = rest.partition('"')[0]
        if marker and name:
            names.append(name[:80])
    return ", ".join(sorted(set(names))) or None


def _consent_defaults(tag: Mapping[str, JsValue], variables: Variables) -> Iterator[ContainerFeature]:
    """Templates of consent platforms keep the defaults in a table of regions; the keys are Google's."""
    for value in tag.values():
        for row in list_items(value)[:20]:
            for purpose, state in map_items(row).items():
                if purpose in ("ad_storage", "analytics_storage", "ad_user_data", "ad_personalization"):
                    word = variables.text(state, 40)
                    if word in ("granted", "denied"):
                        yield ContainerFeature(f"consent default for {purpose} granted", word == "granted")
