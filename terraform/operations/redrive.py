"""make redrive: sends dead letters back to the queues that they came from, and follows until they are."""

import time

from botocore.exceptions import ClientError

from operations.console import Stop, chosen, confirm, minutes, say
from operations.state import deployed
from operations.variables import settle

SECONDS_BETWEEN = 2
PATIENCE_MINUTES = 60


def main():
    place, _ = settle()
    sqs = place.client("sqs")
    queues = deployed(place).outputs["queues"]
    queues = chosen(queues, queues)
    letters = {what: waiting(sqs, queue["dead_url"]) for what, queue in queues.items()}
    for what, number in letters.items():
        say(f"{what}: {number} dead letter{'' if number == 1 else 's'}")
    # The number is approximate; a task that runs already says that there are some.
    running = {what: task for what, queue in queues.items() if (task := newest(sqs, queue)) and task["Status"] == "RUNNING"}
    if not any(letters.values()) and not running:
        return
    confirm("Is their cause mended, and shall they be sent back?")
    limit = time.monotonic() + 60 * minutes(PATIENCE_MINUTES)
    failures = []
    for what, queue in queues.items():
        if letters[what] or what in running:
            if what not in running:
                sqs.start_message_move_task(SourceArn=queue["dead_arn"], DestinationArn=queue["arn"])
            failures += follow(sqs, what, queue, limit)
    if failures:
        raise Stop("\n".join(failures))


def waiting(sqs, url):
    name = "ApproximateNumberOfMessages"
    return int(sqs.get_queue_attributes(QueueUrl=url, AttributeNames=[name])["Attributes"][name])


def newest(sqs, queue):
    """The last task that moved letters of this queue; None if there was none."""
    try:
        tasks = sqs.list_message_move_tasks(SourceArn=queue["dead_arn"], MaxResults=1)["Results"]
    except ClientError as error:
        raise Stop(f"The tasks of {queue['dead_arn']} cannot be listed: {error.response['Error']['Message']}") from None
    return tasks[0] if tasks else None


def follow(sqs, what, queue, limit):
    """Until the task has ended; why it failed, if it did."""
    shown = None
    while True:
        task = newest(sqs, queue)
        moved, total = task.get("ApproximateNumberOfMessagesMoved", 0), task.get("ApproximateNumberOfMessagesToMove")
        if moved != shown:
            say(f"{what}: {moved} of {total if total is not None else 'some'} sent back")
            shown = moved
        if task["Status"] == "COMPLETED":
            return []
        if task["Status"] not in ("RUNNING", "CANCELLING"):
            return [f"{what}: {task['Status']}, {task.get('FailureReason', 'AWS does not say why')}"]
        if time.monotonic() > limit:
            return [f"{what}: still under way; AWS goes on with it. make redrive follows it again."]
        time.sleep(SECONDS_BETWEEN)
