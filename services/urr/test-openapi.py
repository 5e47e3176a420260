"""Half of what schemathesis asks for exists.

Ids and words made from the document alone find nothing, so that most requests end in 404
before anything of interest is reached. Here, requests get some of what the platform really
has: `test-openapi.py URL TOKEN ADMIN_TOKEN` makes it and writes it as JSON; as hooks of
schemathesis, told by SCHEMATHESIS_HOOKS, it puts that in place of what was made up, the same way
in every run. What is made up stays in the other half.
"""

import json
import os
import sys
import zlib

import requests

DEMO_EVENTS = "75727264-656d-4000-8000-0003000000"


class Api:
    """Calls as one person."""

    def __init__(self, url, token):
        self.url, self.token = url, token

    def __call__(self, method, path, body=None, **headers):
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        headers["Authorization"] = f"Bearer {self.token}"
        answer = requests.request(method, self.url + path, json=body, headers=headers, timeout=30)
        if not answer.ok:
            sys.exit(f"test-openapi.py: {method} {path}: {answer.status_code} {answer.text}")
        return answer.json()


def stage(url, fan, admin):
    """Makes one of everything, and says by which words requests name it."""
    seated = standing = None
    for event in fan("GET", "/events?status=on_sale&limit=100")["events"]:
        if fan("GET", f"/tickets/event/{event['id']}")["ticketTypes"]:
            standing = standing or event["id"]
        else:
            seated = seated or event["id"]
    events = [seated, standing] + [f"{DEMO_EVENTS}{number:02}" for number in range(4, 20)]
    seats = fan("GET", f"/seats/events/{seated}")["seats"]
    seats = [seat["id"] for seat in seats if seat["status"] == "available"]
    types = [one["id"] for one in fan("GET", f"/tickets/event/{standing}")["ticketTypes"]]
    artists = [one["id"] for one in fan("GET", "/artists")["artists"]]
    layouts = [one["id"] for one in admin("GET", "/admin/seat-layouts")["layouts"]]

    entries = {}
    for event in (seated, standing):
        entries[event] = fan("POST", f"/queue/check/{event}")["entryToken"]
    reservations, orders, payment_keys = [], [], []

    def hold(path, event, body):
        headers = {"x-queue-entry-token": entries[event]}
        held = fan("POST", path, {"eventId": event, **body}, **headers)["reservation"]
        reservations.append(held["id"])
        wish = {"reservationId": held["id"], "amount": held["totalAmount"]}
        order = fan("POST", "/payments/prepare", wish)
        orders.append(order["orderId"])
        return order

    order = hold("/seats/reserve", seated, {"seatIds": seats[:1]})
    chosen = requests.post(order["checkoutUrl"], json={"action": "approve"}, timeout=30).json()
    payment_keys.append(chosen["paymentKey"])
    capture = {"paymentKey": chosen["paymentKey"], "orderId": order["orderId"], "amount": order["amount"]}
    fan("POST", "/payments/confirm", capture)
    items = [{"ticketTypeId": types[0], "quantity": 2}]
    hold("/reservations", standing, {"items": items})
    tickets = fan("GET", f"/reservations/{reservations[0]}/tickets")["tickets"]

    text = {"title": "우르르", "content": "내일 봐요", "author": "우르르"}
    posts = [fan("POST", "/community/posts", {**text, "artist_id": artists[0]})["post"]["id"]]
    comment = fan("POST", f"/community/posts/{posts[0]}/comments", {"content": "네"})["comment"]["id"]
    news = [admin("POST", "/news", text)["news"]["id"]]
    fan("POST", "/memberships/subscribe", {"artistId": artists[0]})
    hook = admin("POST", "/admin/webhooks", {"url": "http://127.0.0.1:9/"})["webhook"]["id"]
    delivery = admin("POST", f"/admin/webhooks/{hook}/test")["delivery"]["id"]
    door = {"name": "Scanner", "gate": "북문"}
    device = admin("POST", f"/admin/events/{seated}/check-in-devices", door)
    return {
        "entry": entries,
        "device": device["token"],
        "words": {
            "event": events,
            "eventId": [seated, standing, seated, standing, *events],
            "artist": artists,
            "artistId": artists,
            "artist_id": artists,
            "seatLayoutId": layouts,
            "seatIds": seats[1:],
            "ticket_type": types,
            "ticketTypeId": types,
            "reservation": reservations,
            "reservationId": reservations,
            "order_id": orders,
            "orderId": orders,
            "payment_key": payment_keys,
            "paymentKey": payment_keys,
            "amount": [order["amount"]],
            "ticket": [one["id"] for one in tickets],
            "credential": [one["qr"] for one in tickets],
            "comment_id": [comment],
            "device": [device["device"]["id"]],
            "delivery_id": [delivery],
        },
        # `id` means another thing below each of these.
        "ids": {
            "/news": news,
            "/community": posts,
            "/stats": events,
            "/admin/webhooks": [hook],
        },
    }


def hooks(known):
    """What schemathesis calls before each request."""
    import schemathesis

    def choice(made_up):
        return zlib.crc32(json.dumps(made_up, default=repr).encode())

    def words_of(name, path):
        if name == "id":
            return next((ids for start, ids in known["ids"].items() if path.startswith(start)), [])
        return known["words"].get(name, [])

    def real(name, made_up, path):
        words, number = words_of(name, path), choice(made_up)
        if not words or number % 2:
            return made_up
        if isinstance(made_up, list):
            return [words[(number + index) // 2 % len(words)] for index in range(len(made_up))]
        return words[number // 2 % len(words)]

    def replace(values, path):
        if isinstance(values, list):
            return [replace(value, path) for value in values]
        if not isinstance(values, dict):
            return values
        return {
            name: replace(real(name, value, path), path) for name, value in values.items()
        }

    @schemathesis.hook
    def before_call(context, case, kwargs):
        path = case.operation.path
        case.path_parameters = replace(case.path_parameters, path)
        case.query = replace(case.query, path)
        case.body = replace(case.body, path)
        if case.headers is not None and isinstance(case.body, dict):
            entry = known["entry"].get(str(case.body.get("eventId")))
            if entry and choice(case.body) % 4:
                case.headers["x-queue-entry-token"] = entry


if __name__ == "__main__":
    url, token, admin_token = sys.argv[1:]
    json.dump(stage(url, Api(url, token), Api(url, admin_token)), sys.stdout)
else:
    with open(os.environ["URR_KNOWN"], encoding="utf-8") as file:
        hooks(json.load(file))
