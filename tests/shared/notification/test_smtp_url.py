import subprocess
import sys

import pytest

from shared.notification.smtp_url import SmtpServer, parse_smtp_url

READABLE = {
    "smtp://user:secret@mail.example.com:2587": SmtpServer(
        host="mail.example.com", port=2587, security="starttls", user="user", password="secret"
    ),
    "smtp://mail.example.com": SmtpServer(host="mail.example.com", port=587, security="starttls"),
    "SMTPS://Mail.Example.com": SmtpServer(host="mail.example.com", port=465, security="tls"),
    "smtp://localhost:25": SmtpServer(host="localhost", port=25, security="plain"),
    "smtp://127.3.2.1:25": SmtpServer(host="127.3.2.1", port=25, security="plain"),
    "smtp://[::1]:25": SmtpServer(host="::1", port=25, security="plain"),
    "smtps://localhost:25": SmtpServer(host="localhost", port=25, security="tls"),
    "smtp://[2001:db8::1]": SmtpServer(host="2001:db8::1", port=587, security="starttls"),
    "smtp://128.0.0.1": SmtpServer(host="128.0.0.1", port=587, security="starttls"),
    "smtp://localhost.example.com": SmtpServer(
        host="localhost.example.com", port=587, security="starttls"
    ),
    "smtp://127.0.0.1.example.com": SmtpServer(
        host="127.0.0.1.example.com", port=587, security="starttls"
    ),
    "smtp://res%7Capp%7Ctenant:p%40ss%2F%3Aw%25rd%C3%A9@smtp.azurecomm.net": SmtpServer(
        host="smtp.azurecomm.net",
        port=587,
        security="starttls",
        user="res|app|tenant",
        password="p@ss/:w%rd\u00e9",
    ),
    "smtp://me@example.com:se:cr@et@mail.example.com": SmtpServer(
        host="mail.example.com",
        port=587,
        security="starttls",
        user="me@example.com",
        password="se:cr@et",
    ),
}


@pytest.mark.parametrize(("url", "server"), READABLE.items(), ids=READABLE)
def test_a_url_says_where_and_how_secure(url: str, server: SmtpServer) -> None:
    assert parse_smtp_url(url) == server


REFUSED = {
    "": "empty",
    "mail.example.com:587": "scheme",
    "http://hunter2:hunter2@mail.example.com": "scheme",
    "smtp://": "no host",
    "smtp://user:hunter2@": "no host",
    "smtp://user:hunter2@:587": "no host",
    "smtp://user:hunter2@[::1": "cannot be read",
    "smtp://user:hunter2@mail_.-:587": "host",
    "smtp://user:hunter2@mail..com": "host",
    "smtp://user:hunter2@[fe80::1%25eth0]": "host",
    f"smtp://user:hunter2@{'h' * 64}.com": "host",
    "smtp://user:hunter2@mail.example.com:": "port",
    "smtp://user:hunter2@mail.example.com:0": "port",
    "smtp://user:hunter2@mail.example.com:65536": "port",
    "smtp://user:hunter2@mail.example.com:smtp": "port",
    "smtp://user:hunter2@mail.example.com:-1": "port",
    "smtp://user:hunter2@mail.example.com/": "follows",
    "smtp://user:hunter2@mail.example.com/inbox": "follows",
    "smtp://user:hunter2@mail.example.com?tls=no": "follows",
    "smtp://user:hunter2@mail.example.com?": "follows",
    "smtp://user:hunter2@mail.example.com#x": "follows",
    "smtp://user:hunter2/hunter2@mail.example.com": "%2F",
    "smtp://user:#hunter2@mail.example.com": "%23",
    "smtp://user:hunter2%@mail.example.com": "%25",
    "smtp://user:hunter2%zz@mail.example.com": "%25",
    "smtp://user:hunter2%FF@mail.example.com": "UTF-8",
    "smtp://user:hunter2%0d%0aQUIT@mail.example.com": "control character",
    "smtp://user:hunter2%00@mail.example.com": "control character",
    "smtp://hunter2@mail.example.com": "user without a password",
    "smtp://hunter2:@mail.example.com": "user without a password",
    "smtp://:hunter2@mail.example.com": "password without a user",
    "smtp://user:hunter2@mail.example.com\n": "characters",
    "smtp://user:hunter2@mail .example.com": "characters",
    "smtp://user:hunter2@m\u00e4il.example.com": "characters",
    "smtp://user:hunter2@mail.example.com\uff03": "characters",
}


@pytest.mark.parametrize(("url", "complaint"), REFUSED.items(), ids=[ascii(u) for u in REFUSED])
def test_anything_else_is_refused_and_the_password_not_repeated(url: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint) as raised:
        parse_smtp_url(url)
    shown = f"{raised.value!r} {raised.value.__cause__!r}"
    assert "hunter2" not in shown
    assert raised.value.__suppress_context__ or raised.value.__context__ is None


def test_the_password_is_not_in_the_repr() -> None:
    assert "hunter2" not in repr(parse_smtp_url("smtp://user:hunter2@mail.example.com"))


def test_reading_it_does_not_import_what_only_sending_needs() -> None:
    program = (
        "import sys, shared.notification.smtp_url, shared.notification.sender, "
        "shared.notification.notice; "
        "print(sorted({'smtplib', 'email', 'ssl'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True)
    assert done.stdout.decode().strip() == "[]"
