"""make redrive: moves messages from the dead-letter queues back to their queues and waits for the end."""

import time

from botocore.exceptions import ClientError

from operations.console import CommandError, confirm, say, select_function, timeout_minutes
from operations.state import require_deployed
from operations.variables import open_deployment

POLL_SECONDS = 2
TIMEOUT_MINUTES = 60


def main():
    deployment, _ = open_deployment()
    sqs = deployment.client("sqs")
    queues = require_deployed(deployment).outputs["queues"]
    queues = select_function(queues, queues)
    counts = {function: message_count(sqs, queue["dead_url"]) for function, queue in queues.items()}
    for function, count in counts.items():
        say(f"{function}: {count} dead letter{'' if count == 1 else 's'}")
    # The count is approximate, so it can be 0 while a running task still moves messages.
    running = {
        function: task for function, queue in queues.items() if (task := latest_task(sqs, queue)) and task["Status"] == "RUNNING"
    }
    if not any(counts.values()) and not running:
        return
    confirm("Redrive them? Fix the cause first.")
    deadline = time.monotonic() + 60 * timeout_minutes(TIMEOUT_MINUTES)
    failures = []
    for function, queue in queues.items():
        if counts[function] or function in running:
            if function not in running:
                sqs.start_message_move_task(SourceArn=queue["dead_arn"], DestinationArn=queue["arn"])
            failures += follow(sqs, function, queue, deadline)
    if failures:
        raise CommandError("\n".join(failures))


def message_count(sqs, url):
    name = "ApproximateNumberOfMessages"
    return int(sqs.get_queue_attributes(QueueUrl=url, AttributeNames=[name])["Attributes"][name])


def latest_task(sqs, queue):
    """The latest message move task of the dead-letter queue; None if there is none."""
    try:
        tasks = sqs.list_message_move_tasks(SourceArn=queue["dead_arn"], MaxResults=1)["Results"]
    except ClientError as error:
        raise CommandError(f"The message move tasks of {queue['dead_arn']} cannot be listed: {error.response['Error']['Message']}") from None
    return tasks[0] if tasks else None


def follow(sqs, function, queue, deadline):
    """Waits until the task has ended; returns a list with its failure, or an empty one."""
    shown = None
    while True:
        task = latest_task(sqs, queue)
        moved, total = task.get("ApproximateNumberOfMessagesMoved", 0), task.get("ApproximateNumberOfMessagesToMove")
        if moved != shown:
            say(f"{function}: {moved} of {total if total is not None else 'some'} redriven")
            shown = moved
        if task["Status"] == "COMPLETED":
            return []
        if task["Status"] not in ("RUNNING", "CANCELLING"):
            return [f"{function}: {task['Status']}, {task.get('FailureReason', 'AWS gives no reason')}"]
        if time.monotonic() > deadline:
            return [f"{function}: still running on AWS. Run make redrive again to follow it."]
        time.sleep(POLL_SECONDS)
