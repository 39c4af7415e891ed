"""`/api/auth`: logging in and out."""

from fastapi import APIRouter, Request

from cadence.domains.access.dependencies import Access, SignedIn
from cadence.domains.access.schemas import LoginAnswer, LoginRequest

router = APIRouter(prefix="/api/auth", tags=["access"])


@router.post("/login", response_model=LoginAnswer)
async def log_in(credentials: LoginRequest, access: Access, request: Request) -> object:
    """Exchange a name and a password for a token."""
    address = request.client.host if request.client else "unknown"
    return await access.log_in(
        credentials.username, credentials.password.get_secret_value(), address=address
    )


@router.delete("/logout", status_code=204)
async def log_out(access: Access, principal: SignedIn) -> None:
    """End the session of the token that asks; it is refused from then on."""
    await access.log_out(principal)
