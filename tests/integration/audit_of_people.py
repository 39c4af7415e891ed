"""People, organizations and service keys: every call that changes something, and its trail."""

from tests.fixtures.clients import Client
from tests.fixtures.clients import log_in as sign_in
from tests.fixtures.service import PASSWORD
from tests.integration.audit_stage import (
    ANYTHING,
    CANARY,
    PLATFORM,
    SECRET,
    Done,
    Stage,
    Told,
    a_name,
    cases,
    made,
)


async def log_in(stage: Stage) -> Done:
    body = {"username": await stage.name_of(stage.member), "password": PASSWORD}
    return Done(await stage.http.post("/api/auth/login", json=body), stage.member)


async def log_out(stage: Stage) -> Done:
    username = await stage.name_of(stage.member)
    leaving = Client(stage.http, await sign_in(stage.http, username), stage.org_id)
    return Done(await leaving.delete("/api/auth/logout"), stage.member)


async def end_session(stage: Stage) -> Done:
    await sign_in(stage.http, await stage.name_of(stage.member))
    sessions = (await stage.member.get("/api/me/sessions")).json()["items"]
    other = next(session["session_id"] for session in sessions if not session["is_current"])
    return Done(await stage.member.delete(f"/api/me/sessions/{other}"), stage.member)


async def change_profile(stage: Stage) -> Done:
    name, email = await stage.name_of(stage.member), f"{a_name('me')}@example.org"
    body = {
        "display_name": "Me",
        "email": email,
        "password": f"{CANARY}-password",
        "current_password": PASSWORD,
    }
    answer = await stage.member.patch("/api/me/profile", body)
    change = {
        "display_name": {"from": None, "to": "Me"},
        "email": {"from": None, "to": email},
        "password_hash": {"from": SECRET, "to": SECRET},
    }
    told = Told("user.password", stage.organization.member_id, name, PLATFORM, change)
    return Done(answer, stage.member, [told])


async def create_user(stage: Stage) -> Done:
    name = a_name("user")
    body = {"username": name, "email": f"{name}@example.org", "password": f"{CANARY}-password"}
    answer = await stage.root.post("/api/admin/users", body)
    change = {
        "username": {"to": name},
        "email": {"to": f"{name}@example.org"},
        "password_hash": {"to": SECRET},
        "is_sys_admin": {"to": False},
        "is_disabled": {"to": False},
    }
    told = Told("user.create", made(answer)["user_id"], name, PLATFORM, change)
    return Done(answer, stage.root, [told])


async def change_user(stage: Stage) -> Done:
    user = await stage.user()
    answer = await stage.root.patch(
        f"/api/admin/users/{user['user_id']}", {"is_disabled": True, "display_name": "Gone"}
    )
    change = {
        "is_disabled": {"from": False, "to": True},
        "display_name": {"from": None, "to": "Gone"},
    }
    told = Told("user.disable", user["user_id"], user["username"], PLATFORM, change)
    return Done(answer, stage.root, [told])


async def remove_user(stage: Stage) -> Done:
    user = await stage.user()
    answer = await stage.root.delete(f"/api/admin/users/{user['user_id']}")
    change = {
        "username": {"from": user["username"]},
        "password_hash": {"from": SECRET},
        "is_sys_admin": {"from": False},
        "is_disabled": {"from": False},
    }
    told = Told("user.remove", user["user_id"], user["username"], PLATFORM, change)
    return Done(answer, stage.root, [told])


async def add_member(stage: Stage) -> Done:
    user = await stage.user()
    answer = await stage.admin.post("{org}/members", {"user_id": user["user_id"]})
    change = {"is_admin": {"to": False}}
    told = Told("membership.create", user["user_id"], user["username"], stage.org_id, change)
    return Done(answer, stage.admin, [told])


async def change_member(stage: Stage) -> Done:
    member_id, name = stage.organization.member_id, await stage.name_of(stage.member)
    answer = await stage.admin.patch(f"{{org}}/users/{member_id}/membership", {"is_admin": True})
    change = {"is_admin": {"from": False, "to": True}}
    told = Told("membership.promote", member_id, name, stage.org_id, change)
    return Done(answer, stage.admin, [told])


async def remove_member(stage: Stage) -> Done:
    member_id, name = stage.organization.member_id, await stage.name_of(stage.member)
    answer = await stage.admin.delete(f"{{org}}/users/{member_id}")
    change = {"is_admin": {"from": False}}
    told = Told("membership.remove", member_id, name, stage.org_id, change)
    return Done(answer, stage.admin, [told])


async def enrol_user(stage: Stage) -> Done:
    name = a_name("enrolled")
    answer = await stage.root.post(
        f"/api/admin/orgs/{stage.org_id}/users", {"username": name, "is_admin": True}
    )
    user_id = made(answer)["user_id"]
    change = {
        "username": {"to": name},
        "password_hash": {"to": SECRET},
        "is_sys_admin": {"to": False},
        "is_disabled": {"to": False},
    }
    joining = {"is_admin": {"to": True}}
    told = [
        Told("user.create", user_id, name, PLATFORM, change),
        Told("membership.create", user_id, name, stage.org_id, joining),
    ]
    return Done(answer, stage.root, told)


async def create_organization(stage: Stage) -> Done:
    name = a_name("org")
    answer = await stage.root.post("/api/admin/orgs", {"name": name})
    org_id = made(answer)["org_id"]
    change = {"name": {"to": name}, "status": {"to": "active"}}
    return Done(answer, stage.root, [Told("organization.create", org_id, name, org_id, change)])


async def change_organization(stage: Stage) -> Done:
    name = a_name("renamed")
    before = made(await stage.root.get(f"/api/admin/orgs/{stage.org_id}"))["name"]
    body = {"name": name, "status": "suspended"}
    answer = await stage.root.patch(f"/api/admin/orgs/{stage.org_id}", body)
    change = {
        "name": {"from": before, "to": name},
        "status": {"from": "active", "to": "suspended"},
    }
    told = Told("organization.suspend", stage.org_id, name, stage.org_id, change)
    return Done(answer, stage.root, [told])


async def remove_organization(stage: Stage) -> Done:
    name = made(await stage.root.get(f"/api/admin/orgs/{stage.org_id}"))["name"]
    answer = await stage.root.delete(f"/api/admin/orgs/{stage.org_id}")
    change = {"name": {"from": name}, "status": {"from": "active"}}
    told = Told("organization.remove", stage.org_id, name, stage.org_id, change)
    return Done(answer, stage.root, [told])


async def create_api_key(stage: Stage) -> Done:
    answer = await stage.admin.post("{org}/api-keys", {"name": "ci"})
    key = made(answer)
    change = {
        "name": {"to": "ci"},
        "role": {"to": "user"},
        "key_hash": {"to": SECRET},
        "key_hint": {"to": SECRET},
        "expires_at": {"to": ANYTHING},
    }
    told = Told("api_key.create", key["id"], "ci", stage.org_id, change)
    return Done(answer, stage.admin, [told])


async def revoke_api_key(stage: Stage) -> Done:
    key = made(await stage.admin.post("{org}/api-keys", {"name": "ci"}))
    answer = await stage.admin.delete(f"{{org}}/api-keys/{key['id']}")
    change = {"revoked_at": {"from": None, "to": ANYTHING}}
    told = Told("api_key.revoke", key["id"], "ci", stage.org_id, change)
    return Done(answer, stage.admin, [told])


CASES = cases(
    log_in,
    log_out,
    end_session,
    change_profile,
    create_user,
    change_user,
    remove_user,
    add_member,
    change_member,
    remove_member,
    enrol_user,
    create_organization,
    change_organization,
    remove_organization,
    create_api_key,
    revoke_api_key,
)
