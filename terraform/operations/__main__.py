"""operate deploy|destroy|ssh|logs|redrive"""

import importlib
import sys

from botocore.exceptions import BotoCoreError, ClientError

from operations.console import CommandError

COMMANDS = ("deploy", "destroy", "ssh", "logs", "redrive")


def main():
    if len(sys.argv) != 2 or sys.argv[1] not in COMMANDS:
        sys.exit(f"Usage: operate {'|'.join(COMMANDS)} (normally called by make deploy and so on)")
    command = importlib.import_module(f"operations.{sys.argv[1]}")
    try:
        command.main()
    except CommandError as error:
        sys.exit(f"\n{error}")
    except ClientError as error:
        sys.exit(f"\nAWS refused {error.operation_name}: {error.response['Error'].get('Message', error)}")
    except BotoCoreError as error:
        sys.exit(f"\nA request to AWS failed: {error}")
    except KeyboardInterrupt:
        sys.exit("\nInterrupted. Completed steps are kept; run the same command again to continue.")


if __name__ == "__main__":
    main()
