"""Kafka behind TLS and passwords, of the version before and of today: what log.kafka.properties takes works, and what is
wrong is said, without the password."""
import subprocess

import kafka
from harness import KEY, TENANT, check, check_equal, free_ports, freshet, profile, send_records, shorten
from patience import patient

USER, PASSWORD = "freshet", "opensesame-17"
MECHANISMS = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")
PROPERTIES = """listeners=PLAINTEXT://127.0.0.1:{plain},SASL_SSL://127.0.0.1:{secure},SSL://127.0.0.1:{mutual},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{plain},SASL_SSL://127.0.0.1:{secure},SSL://127.0.0.1:{mutual}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SASL_SSL:SASL_SSL,SSL:SSL
inter.broker.listener.name=PLAINTEXT
listener.name.sasl_ssl.sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512
listener.name.sasl_ssl.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required user_{user}="{password}";
listener.name.sasl_ssl.scram-sha-256.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
listener.name.ssl.ssl.client.auth=required
ssl.keystore.type=PEM
ssl.keystore.location={pem}
ssl.truststore.type=PEM
ssl.truststore.location={client}
"""


def certificate(directory, name):
    """A key and its own certificate, for 127.0.0.1."""
    key, cert = directory / f"{name}.key", directory / f"{name}.crt"
    done = subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={name}", "-addext",
                           "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", cert], capture_output=True, text=True, check=False)
    check_equal(done.returncode, 0, f"openssl ({shorten(done.stderr)})")
    return key, cert


class Secured:
    """A broker that takes clients by TLS and password at one port, by TLS and their certificate at another, and
    anybody at a third."""

    def __init__(self, box, version, more=""):
        self.version = version
        key, self.cert = certificate(box.directory, "broker")
        self.client_key, self.client_cert = certificate(box.directory, "client")
        pem, settings = box.directory / "broker.pem", box.directory / "more.properties"
        pem.write_text(key.read_text() + self.cert.read_text())
        self.broker = kafka.Kafka(box.directory / "kafka", {"FRESHET_KAFKA_PROPERTIES": str(settings), "FRESHET_KAFKA_VERSION": version})
        secure, mutual = free_ports(2)
        self.secure, self.mutual = f"127.0.0.1:{secure}", f"127.0.0.1:{mutual}"
        settings.write_text(more + PROPERTIES.format(plain=self.broker.port, secure=secure, mutual=mutual, controller=self.broker.port + 1,
                                                     user=USER, password=PASSWORD, pem=pem, client=self.client_cert))
        box.at_end(self.broker.kill)
        self.broker.start()
        for mechanism in MECHANISMS[1:]:
            self.broker.run("kafka.admin.ConfigCommand", "--alter", "--entity-type", "users", "--entity-name", USER,
                            "--add-config", f"{mechanism}=[password={PASSWORD}]")

    def by_password(self, mechanism, password=PASSWORD, cert=None):
        return (f'brokers: "{self.secure}", properties: {{security.protocol: SASL_SSL, sasl.mechanism: {mechanism}, sasl.username: {USER}, '
                f'sasl.password: {password}, ssl.ca.location: {cert or self.cert}}}')

    def by_certificate(self):
        return (f'brokers: "{self.mutual}", properties: {{security.protocol: SSL, ssl.ca.location: {self.cert}, '
                f'ssl.certificate.location: {self.client_cert}, ssl.key.location: {self.client_key}}}')


def works(box, settings, prefix):
    """Freshet, set up so, takes records and makes profiles of them."""
    server = box.server(partitions=2, kafka=f'{settings}, topic_prefix: "{prefix}."')
    send_records(server.ingest(), [{"message_id": f"m{i}", "user": {"user_id": f"u{i}"}, "set": {"city": "Pune"}} for i in range(20)])
    server.wait_drained()
    check_equal(profile(server.admin(), "user_id", "u7")["attributes"], {"city": "Pune"}, f"{prefix}: attributes")
    server.stop()
    check(PASSWORD not in server.log_path.read_text(), f"{prefix}: the password is in the log")


def refused(box, name, settings):
    config = box.directory / f"{name}.yaml"
    config.write_text(f"revision: 1\ndata_dir: {box.directory / name}\ntenants: [{{name: {TENANT}, write_keys: [{KEY}]}}]\n"
                      f"checkpoints: {{to: 'file://{box.directory}/checkpoints'}}\n"
                      f"log: {{kind: kafka, kafka: {{{settings}}}}}\n", encoding="utf-8")
    status, out, err = freshet("run", "--config", config, timeout_s=patient(60))
    check(status in (1, 2), f"exit status {status} ({shorten(err)})")
    check("hunter2" not in out + err and PASSWORD not in out + err, "a password is in the log")
    return err


def every_way(box, version):
    secured = Secured(box, version)
    for mechanism in MECHANISMS:
        works(box, secured.by_password(mechanism), mechanism.lower())
    works(box, secured.by_certificate(), "mutual")


def test_every_way_in(box):
    every_way(box, kafka.VERSION)


def test_every_way_in_of_today(box):
    """A Kafka 4 refuses clients that are older than their SCRAM is right."""
    every_way(box, kafka.TODAY)


def test_wrong_password(box):
    secured = Secured(box, kafka.VERSION)
    for mechanism in ("PLAIN", "SCRAM-SHA-512"):
        err = refused(box, f"wrong-password-{mechanism}", secured.by_password(mechanism, "hunter2-wrong"))
        check("refuse us" in err and "sasl.password" in err, f"does not say that the password is wrong: {shorten(err)}")
    _, other = certificate(box.directory, "other")
    err = refused(box, "wrong-authority", secured.by_password("PLAIN", cert=other))
    check("certificate verify failed" in err or "ssl" in err.lower(), f"does not say that the certificate is not trusted: {shorten(err)}")
