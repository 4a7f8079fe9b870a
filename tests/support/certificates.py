"""Certificates for tests, really made: an authority, and what it signs for loopback."""

import datetime
import ipaddress
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from vllm_manager.kit.certificates import Pair

DAY = datetime.timedelta(days=1)


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _pem(key: ec.EllipticCurvePrivateKey, password: bytes | None = None) -> bytes:
    encryption = (
        serialization.BestAvailableEncryption(password)
        if password
        else serialization.NoEncryption()
    )
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption
    )


@dataclass
class Authority:
    """Signs certificates for 127.0.0.1 and localhost into files below `folder`."""

    folder: Path
    _key: ec.EllipticCurvePrivateKey = field(
        default_factory=lambda: ec.generate_private_key(ec.SECP256R1())
    )

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self._certificate = self._made(_name("authority"), self._key, is_authority=True)
        self.file.write_bytes(self._certificate.public_bytes(serialization.Encoding.PEM))

    @property
    def file(self) -> Path:
        """What a client trusts."""
        return self.folder / "authority.pem"

    def pair(
        self,
        name: str = "server",
        *,
        ends: datetime.timedelta = 30 * DAY,
        password: bytes | None = None,
    ) -> Pair:
        """Write a certificate and its key; the same name replaces both."""
        key = ec.generate_private_key(ec.SECP256R1())
        made = self._made(_name(name), key, ends=ends)
        pair = Pair(self.folder / f"{name}.pem", self.folder / f"{name}.key")
        pair.key.touch(mode=0o600)
        pair.key.write_bytes(_pem(key, password))
        pair.certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
        return pair

    def _made(
        self,
        subject: x509.Name,
        key: ec.EllipticCurvePrivateKey,
        *,
        ends: datetime.timedelta = 30 * DAY,
        is_authority: bool = False,
    ) -> x509.Certificate:
        now = datetime.datetime.now(datetime.UTC)
        names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(_name("authority"))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - 60 * DAY)
            .not_valid_after(now + ends)
            .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
        )
        if not is_authority:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        return builder.sign(self._key, hashes.SHA256())
