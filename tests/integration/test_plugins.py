"""The catalog: uploads, versions, who sees what, what is refused."""

import secrets
from pathlib import Path

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


async def test_an_upload_shows_what_the_code_says_when_it_is_asked(
    organization: Organization,
) -> None:
    row = (await organization.admin.upload("{org}/plugins/upload", tools_plugin())).json()

    assert (row["kind"], row["state"]) == ("package", "verified")
    assert row["tools"] == [
        {"name": "greet", "description": "Greet somebody by name."},
        {"name": "boom", "description": "Fail loudly."},
        {"name": "hang", "description": "Never come back in time."},
        {"name": "huge", "description": "Return ten megabytes."},
    ]
    shown = await organization.member.get(f"{{org}}/plugins/{row['id']}")
    assert (shown.json()["state"], shown.json()["tools"]) == ("verified", row["tools"])
    assert shown.json()["quarantine"] is None


GOOD_SOURCE = SOURCE.replace("VERSION", "1.0.0")
TURNCOAT = """

metadata = ToolsPlugin.get_metadata()
metadata.version = "9.9.9"
setattr(ToolsPlugin, "get_metadata", staticmethod(lambda: metadata))
"""


def line_of(source: str, text: str) -> int:
    return source[: source.index(text)].count("\n") + 1


@pytest.mark.parametrize(
    ("source", "place", "words"),
    [
        pytest.param(
            f"{GOOD_SOURCE}\nsurely = 1 / 0\n", "surely", "ZeroDivisionError", id="at import"
        ),
        pytest.param(
            f"{GOOD_SOURCE}\nraise SystemExit('s3cret')\n",
            "raise SystemExit('s3cret')",
            "SystemExit",
            id="leaving",
        ),
        pytest.param(
            GOOD_SOURCE.replace("return [greet, boom", "return [boom, boom"),
            "class ToolsPlugin",
            "two tools named 'boom'",
            id="two tools of one name",
        ),
        pytest.param(
            GOOD_SOURCE + TURNCOAT, 'version="1.0.0"', "another 'version'", id="another face"
        ),
        pytest.param(
            f"{GOOD_SOURCE}\nimport os\nos._exit(0)\n",
            "class ToolsPlugin",
            "process ended",
            id="its process dies",
        ),
        pytest.param(
            f"{GOOD_SOURCE}\nfrom pathlib import Path\nPath('/etc/passwd').read_text()\n",
            "Path('/etc",
            "Error",
            id="reading what is not its own",
        ),
    ],
)
async def test_code_that_fails_or_shows_another_face_is_refused_with_file_and_line(
    organization: Organization, source: str, place: str, *, words: str
) -> None:
    content = zipped({"plugin.py": source})
    line = line_of(source, place)

    answer = await organization.admin.upload("{org}/plugins/upload", content)
    dry_run = (await organization.admin.upload("{org}/plugins/validate", content)).json()

    assert answer.status_code == 422
    error = answer.json()["error"]
    [field] = error["fields"]
    assert (error["code"], field["path"]) == ("plugin_package_invalid", f"plugin.py:{line}")
    assert words in field["message"]
    assert "s3cret" not in answer.text
    [problem] = dry_run["problems"]
    assert (problem["file"], problem["line"]) == ("plugin.py", line)
    assert problem["message"] == field["message"]
    assert (dry_run["ok"], dry_run["state"]) == (False, None)
    assert (await organization.admin.get("{org}/plugins?source=org")).json() == []


async def test_what_runs_at_upload_writes_nothing_and_sees_nothing_of_the_service(
    organization: Organization, tmp_path: Path
) -> None:
    canary = tmp_path / "canary"
    prying = f"""
import os

try:
    with open({str(canary)!r}, "w") as file:
        file.write("it ran outside")
except OSError:
    pass
FOUND = " ".join(sorted(os.environ))
"""
    source = GOOD_SOURCE.replace("import time", f"import time\n{prying}").replace(
        'description="Greet somebody by name."', "description=FOUND"
    )

    row = (
        await organization.admin.upload("{org}/plugins/upload", zipped({"plugin.py": source}))
    ).json()

    assert row["state"] == "verified"
    assert names_in(tmp_path) == []
    assert "CADENCE" not in row["tools"][0]["description"]
    assert "PYTEST" not in row["tools"][0]["description"]


def names_in(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


async def test_a_dry_run_tells_every_problem_of_zip_source_and_dependencies(
    organization: Organization,
) -> None:
    source = GOOD_SOURCE.replace(
        'capabilities=["greeting"]', 'stateless=1, dependencies=["no-such-thing", "x @ file:///x"]'
    )
    content = zipped({"plugin.py": source, "more.py": "def broken(:"})

    told = (await organization.admin.upload("{org}/plugins/validate", content)).json()

    places = [(each["file"], each["line"], each["code"]) for each in told["problems"]]
    assert sorted(places) == [
        ("more.py", 1, "syntax_error"),
        ("plugin.py", line_of(source, "stateless="), "dependency_invalid"),
        ("plugin.py", line_of(source, "stateless="), "dependency_unavailable"),
        ("plugin.py", line_of(source, "stateless="), "metadata_invalid"),
    ]


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

    rows = (await admin.get("{org}/plugins?source=org")).json()
    latest = [row["version"] for row in rows if row["pid"] == PID and row["is_latest"]]
    assert latest == ["1.10.0"]

    newest = next(row["id"] for row in rows if row["version"] == "1.10.0")
    assert (await admin.delete(f"{{org}}/plugins/{newest}")).status_code == 204
    left = (await admin.get("{org}/plugins?source=org")).json()
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
    assert (await organization.admin.get("{org}/plugins?source=org")).json() == []


async def test_a_dry_run_lists_problems_and_stores_nothing(organization: Organization) -> None:
    admin = organization.admin

    bad = await admin.upload("{org}/plugins/validate", zipped({"plugin.py": "x = ("}))
    good = await admin.upload("{org}/plugins/validate", tools_plugin())

    assert bad.status_code == 200
    assert bad.json()["ok"] is False
    assert bad.json()["problems"][0]["file"] == "plugin.py"
    assert bad.json()["problems"][0]["line"] == 1
    told = good.json()
    assert [tool["name"] for tool in told.pop("tools")] == ["greet", "boom", "hang", "huge"]
    assert told == {
        "ok": True,
        "problems": [],
        "pid": PID,
        "version": "1.0.0",
        "state": "verified",
    }
    assert (await admin.get("{org}/plugins?source=org")).json() == []


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
