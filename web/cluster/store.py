"""Garage, an object store with the protocol of S3, which refuses requests that are not signed."""

import secrets
import urllib.error
import urllib.request

from processes import free_port, own_environment, wait_until

BUCKET = "vitrine"
# moto takes only regions that AWS has.
REGION = "eu-central-1"
# Garage takes only keys of this form.
KEY = "GK" + secrets.token_hex(12)
SECRET = secrets.token_hex(32)

SETTINGS = """\
metadata_dir = "{folder}/meta"
data_dir = "{folder}/data"
db_engine = "sqlite"
replication_factor = 1
rpc_bind_addr = "127.0.0.1:{rpc}"
rpc_public_addr = "127.0.0.1:{rpc}"

[s3_api]
s3_region = "{region}"
api_bind_addr = "127.0.0.1:{port}"
"""


class Store:
    def __init__(self, processes, folder, program):
        self.processes = processes
        self.folder = folder / "garage"
        self.program = program
        self.port = free_port()
        self.process = None

    def start(self):
        self.folder.mkdir()
        file = self.folder / "garage.toml"
        settings = SETTINGS.format(
            folder=self.folder, rpc=free_port(), port=self.port, region=REGION
        )
        file.write_text(settings)
        environment = own_environment(
            RUST_LOG="garage=warn",
            GARAGE_DEFAULT_BUCKET=BUCKET,
            GARAGE_DEFAULT_ACCESS_KEY=KEY,
            GARAGE_DEFAULT_SECRET_KEY=SECRET,
            GARAGE_RPC_SECRET=secrets.token_hex(32),
        )
        command = [self.program, "-c", file, "server", "--single-node", "--default-bucket"]
        self.process = self.processes.start("garage", command, environment)
        wait_until("Garage refuses what is not signed", self.refuses_unsigned)

    def refuses_unsigned(self):
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{self.port}/{BUCKET}/", timeout=5)
        except urllib.error.HTTPError as error:
            return error.code == 403
        except OSError:
            return False
        return False
