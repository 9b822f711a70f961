"""The tests, by kind. `tests.site` is the fixture site; nothing here is shipped."""
