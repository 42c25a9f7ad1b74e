"""operate deploy|destroy|ssh|logs|redrive"""

import importlib
import sys

from botocore.exceptions import BotoCoreError, ClientError

from operations.console import Stop

COMMANDS = ("deploy", "destroy", "ssh", "logs", "redrive")


def main():
    if len(sys.argv) != 2 or sys.argv[1] not in COMMANDS:
        sys.exit(f"operate knows {', '.join(COMMANDS)}; make deploy and so on call it")
    command = importlib.import_module(f"operations.{sys.argv[1]}")
    try:
        command.main()
    except Stop as stop:
        sys.exit(f"\n{stop}")
    except ClientError as error:
        sys.exit(f"\nAWS refused {error.operation_name}: {error.response['Error'].get('Message', error)}")
    except BotoCoreError as error:
        sys.exit(f"\nAWS could not be asked: {error}")
    except KeyboardInterrupt:
        sys.exit("\nInterrupted. What was done stays; the same command goes on from there.")


if __name__ == "__main__":
    main()
