"""How people and programs reach the product, and how its parts reach each other."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from services.core.sections.base import Section


class GatewaySettings(Section):
    """REST, dashboard."""

    host: str = Field(
        "127.0.0.1",
        description="Address to listen on. Beyond loopback only with certificates or `tls_by_proxy`, and only users come in.",
    )
    port: int = Field(8080, ge=0, le=65535, description="Port; 0 takes a free one.")
    allowed_hosts: list[str] = Field(
        [], description="Host names that requests may carry, besides localhost and the address listened on."
    )
    allowed_origins: list[str] = Field(
        [], description="Origins that may send requests, besides the gateway's own. Example: https://ioc.example.vn"
    )
    users_file: Path | None = Field(
        None,
        description="File with first users, a line `name:hash` each: those whom the ledger does not know are added to it "
        "as administrators at the start.",
    )
    tls_cert_file: Path | None = Field(None, description="Certificate chain, PEM.")
    tls_key_file: Path | None = Field(None, description="Private key, PEM.")
    tls_by_proxy: bool = Field(
        False,
        description="TLS ends at a proxy in front, and nobody but the proxy reaches the port: an ingress in a cluster.",
    )
    max_body_mb: int = Field(2, ge=1, le=64, description="Largest JSON body in MB.")


class TokenSettings(Section):
    """Bearer tokens of an identity provider (OpenID Connect), taken by REST and gRPC."""

    issuer: str = Field("", description="Who issues the tokens, exactly as they say; empty takes none.")
    audience: str = Field("", description="For whom they are issued. Example: ngoclinh")
    jwks_file: Path | None = Field(None, description="File with the provider's public keys (JWKS).")
    jwks_url: str = Field("", description="Address of the keys where there is no file: https, or http on this machine.")
    algorithms: list[str] = Field(
        ["RS256", "ES256"], description="Signatures that are believed, with public keys only."
    )
    leeway_s: float = Field(30, ge=0, le=120, description="Seconds by which clocks may differ.")
    keys_max_age_s: float = Field(3600, ge=60, description="Seconds after which the keys are read again.")
    name_claim: str = Field(
        "preferred_username", description="Claim with the name of the user; `sub` where it is missing."
    )
    roles_claim: str = Field("realm_access.roles", description="Claim with the roles, dotted.")
    role_prefix: str = Field(
        "ngoclinh-", description="What the roles of the product begin with there. Example: ngoclinh-land_officer"
    )
    areas_claim: str = Field(
        "", description="Claim with the ids of watch areas that the user may see; empty, or a token without: all."
    )


class ProviderSettings(Section):
    """Signing in to the dashboard at an identity provider (OpenID Connect); claims are read as `auth.tokens` says."""

    issuer: str = Field("", description="The provider, exactly as its tokens say; empty means none.")
    client_id: str = Field("", description="What the product is called there. Example: ngoclinh-dashboard")
    client_secret_file: Path | None = Field(
        None, description="File with the secret of the client; none with PKCE alone."
    )
    redirect_url: str = Field("", description="Example: https://ioc.example.vn/v1/session/callback")
    scope: str = Field("openid profile", description="What is asked for.")
    title: str = Field("", description="What the button calls it. Example: Cổng định danh tỉnh")
    sign_out: bool = Field(
        True,
        description="Signing out of the dashboard goes on to sign out there, where the provider says how; it must take "
        "`left` beside `redirect_url` to come back to. Example: https://ioc.example.vn/v1/session/left",
    )


class AuthSettings(Section):
    """Who may come in. Users are kept in the ledger: `ngoclinh users`."""

    session_idle_minutes: int = Field(30, ge=1, le=1440, description="Minutes without use after which a session ends.")
    session_hours: int = Field(12, ge=1, le=168, description="Hours after which a session ends in any case.")
    lockout_failures: int = Field(5, ge=3, le=20, description="Failed sign-ins in a row that close a name for a while.")
    lockout_minutes: int = Field(15, ge=1, le=1440, description="Minutes for which it stays closed.")
    sign_ins_per_minute: int = Field(20, ge=1, description="Passwords that are tried for one address in a minute.")
    calls_per_second: float = Field(50, ge=0, description="Calls of one user, in the long run; 0 sets no limit.")
    calls_at_once: int = Field(200, ge=10, description="Calls of one user in a burst.")
    audit_days: int = Field(365, ge=90, description="Days for which the audit log is kept; at least three months.")
    local_sign_in: bool = Field(True, description="Take passwords of users in the ledger, besides the provider.")
    tokens: TokenSettings = TokenSettings()
    provider: ProviderSettings = ProviderSettings()


class GrpcSettings(Section):
    """gRPC between services and for other programs."""

    host: str = Field(
        "127.0.0.1",
        description="Address to listen on. Beyond loopback only with the three certificate files or `trust_network`.",
    )
    port: int = Field(50051, ge=0, le=65535, description="Port; 0 takes a free one.")
    reflection: bool = Field(True, description="Answer reflection requests; beyond loopback never.")
    default_deadline_s: float = Field(30, gt=0, le=60, description="Deadline of a call that sets none, in seconds.")
    max_concurrent: int = Field(256, ge=1, description="Calls in progress before further ones are refused.")
    tls_cert_file: Path | None = Field(None, description="Our certificate chain, PEM, shown as server and as client.")
    tls_key_file: Path | None = Field(None, description="Its private key, PEM.")
    ca_file: Path | None = Field(
        None, description="Authorities whose certificates are believed, of clients and of servers, PEM."
    )
    trust_network: bool = Field(
        False,
        description="Listen beyond loopback without certificates: only where the network lets nobody but our own "
        "services reach the port, as network policies do.",
    )
    health_address: str = Field(
        "",
        description="host:port of a second port that answers health checks only, for probes that know no certificates.",
    )
    max_connection_age_s: int = Field(
        300, ge=10, description="Seconds after which a client connects anew and so finds new servers."
    )


class PeersSettings(Section):
    """Where services run that do not run in this process; empty means here."""

    area: str = Field("", description="AreaService. Example: dns:///ngoclinh-gateway:50051")
    media: str = Field("", description="MediaService and AlertService.")
    sentiment: str = Field("", description="SentimentService.")
    land: str = Field("", description="LandService.")
    imports: str = Field("", description="ImportService.")
    situation: str = Field("", description="SituationService.")
    operations: str = Field("", description="OperationsService.")
    access: str = Field("", description="AccessService.")
