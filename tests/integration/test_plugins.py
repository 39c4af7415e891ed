"""The catalog: uploads, versions, who sees what, what is refused."""

import secrets

import pytest

from tests.factories.plugins import PID, SOURCE, tools_plugin, zipped
from tests.fixtures.clients import Client, Organization
from tests.fixtures.orchestrators import Bot


async def test_an_upload_shows_what_the_source_says(organization: Organization) -> None:
    answer = await organization.admin.upload("{org}/plugins/upload", tools_plugin())

    assert answer.status_code == 201
    row = answer.json()
    assert (row["pid"], row["version"], row["source"]) == (PID, "1.0.0", "org")
    assert row["is_latest"] is True
    assert row["capabilities"] == ["greeting"]
    assert row["default_settings"] == {"greeting": "Hello"}
    assert [entry["key"] for entry in row["settings_schema"]] == ["greeting", "token"]


async def test_the_same_bytes_again_are_the_same_row(organization: Organization) -> None:
    first = await organization.admin.upload("{org}/plugins/upload", tools_plugin())

    again = await organization.admin.upload("{org}/plugins/upload", tools_plugin())

    assert again.status_code == 200
    assert again.json() == first.json()


async def test_a_version_never_changes_its_bytes(organization: Organization) -> None:
    await organization.admin.upload("{org}/plugins/upload", tools_plugin())
    other = zipped({"plugin.py": SOURCE.replace("VERSION", "1.0.0") + "\n# changed\n"})

    answer = await organization.admin.upload("{org}/plugins/upload", other)

    assert answer.status_code == 409
    assert answer.json()["error"]["code"] == "plugin_version_exists"


async def test_the_highest_version_is_the_latest_whatever_the_order(
    organization: Organization,
) -> None:
    admin = organization.admin
    for version in ("1.9.0", "1.10.0", "1.2.0"):
        await admin.upload("{org}/plugins/upload", tools_plugin(version))

    rows = (await admin.get("{org}/plugins")).json()
    latest = [row["version"] for row in rows if row["pid"] == PID and row["is_latest"]]
    assert latest == ["1.10.0"]

    newest = next(row["id"] for row in rows if row["version"] == "1.10.0")
    assert (await admin.delete(f"{{org}}/plugins/{newest}")).status_code == 204
    left = (await admin.get("{org}/plugins")).json()
    assert [row["version"] for row in left if row["is_latest"] and row["pid"] == PID] == ["1.9.0"]


@pytest.mark.parametrize(
    ("content", "path"),
    [
        pytest.param(tools_plugin()[:-30], "file", id="unclosed zip"),
        pytest.param(b"not a zip at all", "file", id="no zip"),
        pytest.param(zipped({"readme.md": "# nothing"}), None, id="no plugin.py"),
        pytest.param(zipped({"plugin.py": "def broken(:"}), "plugin.py:1", id="syntax error"),
    ],
)
async def test_a_bad_package_is_refused_with_its_place(
    organization: Organization, content: bytes, *, path: str | None
) -> None:
    answer = await organization.admin.upload("{org}/plugins/upload", content)

    assert answer.status_code == 422
    error = answer.json()["error"]
    assert error["code"] == "plugin_package_invalid"
    assert error["fields"]
    if path is not None:
        assert path in {field["path"] for field in error["fields"]}
    assert (await organization.admin.get("{org}/plugins")).json() == []


async def test_a_dry_run_lists_problems_and_stores_nothing(organization: Organization) -> None:
    admin = organization.admin

    bad = await admin.upload("{org}/plugins/validate", zipped({"plugin.py": "x = ("}))
    good = await admin.upload("{org}/plugins/validate", tools_plugin())

    assert bad.status_code == 200
    assert bad.json()["ok"] is False
    assert bad.json()["problems"][0]["file"] == "plugin.py"
    assert bad.json()["problems"][0]["line"] == 1
    assert good.json() == {"ok": True, "problems": [], "pid": PID, "version": "1.0.0"}
    assert (await admin.get("{org}/plugins")).json() == []


async def test_a_plugin_in_use_cannot_be_removed(bot: Bot) -> None:
    answer = await bot.admin.delete(f"{{org}}/plugins/{bot.plugin_id}")

    assert answer.status_code == 409
    assert answer.json()["error"]["code"] == "plugin_in_use"
    assert "bot" in answer.json()["error"]["message"]
    assert (await bot.admin.delete(f"{{org}}/orchestrators/{bot.id}")).status_code == 204
    assert (await bot.admin.delete(f"{{org}}/plugins/{bot.plugin_id}")).status_code == 204


async def test_a_plugin_is_private_to_its_organization(
    organization: Organization, other_organization: Organization
) -> None:
    theirs = await other_organization.admin.upload("{org}/plugins/upload", tools_plugin())
    mine = await organization.admin.upload("{org}/plugins/upload", tools_plugin())
    foreign, unknown = theirs.json()["id"], "01900000-0000-7000-8000-000000000000"

    for plugin_id in (foreign, unknown, "no-id"):
        assert (await organization.admin.get(f"{{org}}/plugins/{plugin_id}")).status_code == 404
        assert (await organization.admin.delete(f"{{org}}/plugins/{plugin_id}")).status_code == 404
    rows = (await organization.member.get("{org}/plugins")).json()
    assert [row["id"] for row in rows if row["source"] == "org"] == [mine.json()["id"]]
    assert (await other_organization.admin.get(f"{{org}}/plugins/{foreign}")).status_code == 200


async def test_a_system_plugin_is_for_everybody_and_changed_by_sys_admins_only(
    sys_admin: Client, organization: Organization
) -> None:
    pid = f"com.system.p{secrets.token_hex(4)}"
    content = zipped({"plugin.py": SOURCE.replace("VERSION", "1.0.0").replace(PID, pid)})
    uploaded = await sys_admin.upload("/api/admin/plugins/upload", content)
    assert uploaded.status_code == 201
    plugin_id = uploaded.json()["id"]

    seen = (await organization.member.get(f"{{org}}/plugins/{plugin_id}")).json()
    assert (seen["pid"], seen["source"]) == (pid, "system")
    assert (await organization.admin.delete(f"{{org}}/plugins/{plugin_id}")).status_code == 404
    assert (await organization.admin.get("/api/admin/plugins")).status_code == 403
    assert (await sys_admin.delete(f"/api/admin/plugins/{plugin_id}")).status_code == 204
    assert (await organization.member.get(f"{{org}}/plugins/{plugin_id}")).status_code == 404


async def test_members_list_plugins_and_do_not_upload(organization: Organization) -> None:
    assert (await organization.member.get("{org}/plugins")).status_code == 200
    for path in ("{org}/plugins/upload", "{org}/plugins/validate"):
        assert (await organization.member.upload(path, tools_plugin())).status_code == 403


async def test_an_upload_without_a_file_says_so(organization: Organization) -> None:
    answer = await organization.admin.post("{org}/plugins/upload")

    assert answer.status_code == 422
    assert [field["path"] for field in answer.json()["error"]["fields"]] == ["file"]
