"""The S3 permissions of the roles, as Terraform configures them, enforced by moto."""

import json
import unittest

import boto3
import moto
from botocore.exceptions import ClientError
from moto.core import set_initial_no_auth_action_count

from support import FUNCTIONS, defaults, needs_stand_in
from test_policies import AREAS, PICTURES, WRITE_PREFIXES


@needs_stand_in
class Roles(unittest.TestCase):
    @set_initial_no_auth_action_count(10_000)
    def test_moto_enforces_the_prefixes_of_roles(self):
        with moto.mock_aws():
            root = {"region_name": "eu-west-1"}
            bucket = PICTURES.removeprefix("arn:aws:s3:::")
            s3 = boto3.client("s3", **root)
            s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
            for prefix in (*AREAS.values(), "elsewhere"):
                s3.put_object(Bucket=bucket, Key=f"{prefix}/a.jpg", Body=b"a picture")
            clients = {name: client(name, defaults()) for name in ("web", *FUNCTIONS)}
            expected = {
                "web": {
                    f"{verb} {prefix}"
                    for verb in ("get", "put", "delete")
                    for prefix in AREAS.values()
                } | {"list"},
            } | {
                function: {"get uploads", "list", "delete thumbnails", "delete anonymised"}
                | {f"put {prefix}" for prefix in WRITE_PREFIXES.get(function, set())}
                for function in FUNCTIONS
            }
            # From here on moto authorises every request.
            enforce = set_initial_no_auth_action_count(0)
            found = enforce(lambda: {name: allowed(client, bucket) for name, client in clients.items()})()
        self.assertEqual(found, expected)


def client(name, system):
    """An S3 client with the permissions of the role."""
    iam, sts = boto3.client("iam"), boto3.client("sts")
    (text,) = [
        policy["policy"]
        for policy in system.all("aws_iam_role_policy").values()
        if policy["role"] == f"vitrine-{name}"
    ]
    trust = json.dumps({"Version": "2012-10-17", "Statement": []})
    role = iam.create_role(RoleName=f"vitrine-{name}", AssumeRolePolicyDocument=trust)["Role"]
    iam.put_role_policy(RoleName=role["RoleName"], PolicyName="from-terraform", PolicyDocument=text)
    key = sts.assume_role(RoleArn=role["Arn"], RoleSessionName="test")["Credentials"]
    return boto3.client(
        "s3",
        region_name="eu-west-1",
        aws_access_key_id=key["AccessKeyId"],
        aws_secret_access_key=key["SecretAccessKey"],
        aws_session_token=key["SessionToken"],
    )


def allowed(s3, bucket):
    """The permitted operations on the bucket. Reads are tried first, deletes last."""
    attempts = {"list": lambda: s3.list_objects_v2(Bucket=bucket)}
    prefixes = (*AREAS.values(), "elsewhere")
    for verb, method in (("get", s3.get_object), ("put", s3.put_object), ("delete", s3.delete_object)):
        for prefix in prefixes:
            body = {"Body": b"another"} if verb == "put" else {}
            attempts[f"{verb} {prefix}"] = lambda method=method, prefix=prefix, body=body: method(
                Bucket=bucket, Key=f"{prefix}/a.jpg", **body
            )
    done = set()
    for name, attempt in attempts.items():
        try:
            attempt()
            done.add(name)
        except ClientError as error:
            # An earlier role has deleted the object; this one may read it.
            code = error.response["Error"]["Code"]
            if code == "NoSuchKey":
                done.add(name)
            elif code != "AccessDenied":
                raise
    return done


if __name__ == "__main__":
    unittest.main()
