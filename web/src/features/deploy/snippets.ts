/** How a machine calls the inspection of one project. The token stays out of the text. */

export function inspectUrl(origin: string, projectId: string): string {
  return `${origin}/api/v1/projects/${projectId}/inspect`;
}

export function curlCall(url: string): string {
  return `curl --fail-with-body --retry 5 \\
  -H "Authorization: Bearer $OFFSPEC_TOKEN" \\
  -H "Content-Type: application/octet-stream" \\
  -H "Idempotency-Key: P7-1" \\
  --data-binary @part.png \\
  "${url}?part_id=P7&line=A"`;
}

/** With Python's own library only, so that it runs on any line computer. */
export function pythonCall(url: string): string {
  return `import json, os, time
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

URL = "${url}"


def inspect(picture: bytes, part_id: str, line: str) -> dict:
    request = Request(
        f"{URL}?{urlencode({'part_id': part_id, 'line': line})}",
        data=picture,
        headers={
            "Authorization": f"Bearer {os.environ['OFFSPEC_TOKEN']}",
            "Content-Type": "application/octet-stream",
            "Idempotency-Key": f"{part_id}-1",
        },
    )
    while True:
        try:
            with urlopen(request, timeout=30) as answer:
                return json.load(answer)
        except HTTPError as error:
            if error.code != 503:
                raise
            time.sleep(float(error.headers.get("Retry-After", 1)))


with open("part.png", "rb") as file:
    print(inspect(file.read(), "P7", "A")["verdict"])
`;
}
