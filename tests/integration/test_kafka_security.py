"""Kafka behind TLS and a password: what log.kafka.properties takes works, and what is wrong is said, without the password."""
import subprocess

import kafka
from harness import KEY, TENANT, check, check_equal, free_ports, freshet, profile, send_records, shorten
from patience import patient

USER, PASSWORD = "freshet", "opensesame-17"
PROPERTIES = """listeners=PLAINTEXT://127.0.0.1:{plain},SASL_SSL://127.0.0.1:{secure},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{plain},SASL_SSL://127.0.0.1:{secure}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SASL_SSL:SASL_SSL
inter.broker.listener.name=PLAINTEXT
listener.name.sasl_ssl.sasl.enabled.mechanisms=PLAIN
listener.name.sasl_ssl.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required user_{user}="{password}";
ssl.keystore.type=PEM
ssl.keystore.location={pem}
"""


def certificate(directory, name):
    """A key and its own certificate, for 127.0.0.1."""
    key, cert = directory / f"{name}.key", directory / f"{name}.crt"
    done = subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1", "-addext",
                           "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", cert], capture_output=True, text=True, check=False)
    check_equal(done.returncode, 0, f"openssl ({shorten(done.stderr)})")
    return key, cert


def start_broker(box):
    """(a broker that takes clients at its second port only with TLS and password, that port, its certificate)"""
    key, cert = certificate(box.directory, "broker")
    pem = box.directory / "broker.pem"
    pem.write_text(key.read_text() + cert.read_text())
    more = box.directory / "more.properties"
    broker = kafka.Kafka(box.directory / "kafka", {"FRESHET_KAFKA_PROPERTIES": str(more)})
    secure = free_ports(1)[0]
    more.write_text(PROPERTIES.format(plain=broker.port, secure=secure, controller=broker.port + 1, user=USER, password=PASSWORD, pem=pem))
    box.at_end(broker.kill)
    return broker.start(), f"127.0.0.1:{secure}", cert


def properties(cert, password):
    return (f'properties: {{security.protocol: SASL_SSL, sasl.mechanism: PLAIN, sasl.username: {USER}, '
            f'sasl.password: {password}, ssl.ca.location: {cert}}}')


def refused(box, name, brokers, cert, password):
    config = box.directory / f"{name}.yaml"
    config.write_text(f"revision: 1\ndata_dir: {box.directory / name}\ntenants: [{{name: {TENANT}, write_keys: [{KEY}]}}]\n"
                      f"checkpoints: {{to: 'file://{box.directory}/checkpoints'}}\n"
                      f'log: {{kind: kafka, kafka: {{brokers: "{brokers}", {properties(cert, password)}}}}}\n', encoding="utf-8")
    status, out, err = freshet("run", "--config", config, timeout_s=patient(60))
    check(status in (1, 2), f"exit status {status} ({shorten(err)})")
    check(password not in out + err and PASSWORD not in out + err, "a password is in the log")
    return err


def test_tls_and_password(box):
    _, brokers, cert = start_broker(box)
    server = box.server(partitions=2, kafka=f'brokers: "{brokers}", {properties(cert, PASSWORD)}, topic_prefix: "secure."')
    send_records(server.ingest(), [{"message_id": f"m{i}", "user": {"user_id": f"u{i}"}, "set": {"city": "Pune"}} for i in range(20)])
    server.wait_drained()
    check_equal(profile(server.admin(), "user_id", "u7")["attributes"], {"city": "Pune"}, "attributes")
    server.stop()
    check(PASSWORD not in server.log_path.read_text(), "the password is in the log")


def test_wrong_password(box):
    _, brokers, cert = start_broker(box)
    err = refused(box, "wrong-password", brokers, cert, "hunter2-wrong")
    check("refuse us" in err and "sasl.password" in err, f"does not say that the password is wrong: {shorten(err)}")
    _, other = certificate(box.directory, "other")
    err = refused(box, "wrong-authority", brokers, other, PASSWORD)
    check("certificate verify failed" in err or "ssl" in err.lower(), f"does not say that the certificate is not trusted: {shorten(err)}")
