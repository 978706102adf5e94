#!/usr/bin/env python3
"""payment, once more in Python with nothing but its standard library: the same addresses, the same
table, the same barrier, on SQLite. What freehold asks of a service is its database and plain HTTP."""

import hashlib
import hmac
import json
import os
import signal
import sqlite3
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote

STORE = unquote(os.environ["DATABASE_URL"].removeprefix("sqlite:"))
KEY = os.environ.get("FREEHOLD_CALLER_KEY", "").encode()
plan = {"next": [], "declineEvery": 0}
planning = threading.Lock()


def connect():
    store = sqlite3.connect(STORE, timeout=10, isolation_level=None)
    store.execute("PRAGMA foreign_keys = ON")
    store.execute("PRAGMA synchronous = FULL")
    return store


def behaviour(order):
    with planning:
        if plan["next"]:
            return plan["next"].pop(0)
        every = plan["declineEvery"]
    return "decline" if every and order % every == 0 else "approve"


def publish(store, order, status, cents, currency):
    there = store.execute("SELECT 1 FROM sqlite_master WHERE name = 'freehold_outbox'").fetchone()
    if not there:
        return
    fact = {"orderId": order, "status": status, "amountCents": cents, "currency": currency}
    store.execute(
        "INSERT INTO freehold_outbox (topic, key, payload) VALUES ('payment.recorded.v1', ?, ?)",
        (str(order), json.dumps(fact)),
    )


def charge(store, body, how):
    """The output, or the reason for a refusal."""
    method = store.execute(
        "SELECT payment_method_id FROM payment_methods WHERE customer_id = ? AND is_active ORDER BY 1 LIMIT 1",
        (body["customerId"],),
    ).fetchone()
    if method is None:
        return None, f"customer {body['customerId']} has no way to pay"
    declined = how == "decline"
    order, cents, currency = body["orderId"], body["amountCents"], body["currency"]
    payment = store.execute(
        "INSERT INTO payments (order_id, customer_id, payment_method_id, request_key, amount_cents, currency, status)"
        " VALUES (?, ?, ?, ?, ?, ?, ?) RETURNING payment_id",
        (order, body["customerId"], method[0], f"order-{order}", cents, currency, "declined" if declined else "captured"),
    ).fetchone()[0]
    exchanged(store, payment, "capture", "declined" if declined else "approved", cents, currency)
    if declined:
        return None, "the card was declined"
    publish(store, order, "captured", cents, currency)
    print(f"captured {cents / 100:.2f} {currency} for order {order}", flush=True)
    return {"paymentId": payment, "orderId": order, "amountCents": cents, "currency": currency}, None


def exchanged(store, payment, kind, outcome, cents, currency):
    store.execute(
        "INSERT INTO transactions (payment_id, kind, outcome, amount_cents, currency) VALUES (?, ?, ?, ?, ?)",
        (payment, kind, outcome, cents, currency),
    )


def pay_back(store, order):
    row = store.execute(
        "SELECT payment_id, amount_cents - refunded_cents, currency FROM payments WHERE order_id = ? AND status = 'captured'",
        (order,),
    ).fetchone()
    if row is None:
        return 0
    payment, cents, currency = row
    store.execute(
        "UPDATE payments SET status = 'refunded', refunded_cents = amount_cents WHERE payment_id = ?", (payment,)
    )
    exchanged(store, payment, "refund", "approved", cents, currency)
    publish(store, order, "refunded", cents, currency)
    print(f"refunded {cents / 100:.2f} {currency} for order {order}", flush=True)
    return cents


class Forged(Exception):
    """Nobody whose saga this could be."""


def caller(method, path, headers, body):
    """Who sent this: the name in the header counts if the signature proves it."""
    name = headers.get("freehold-caller", "")
    if not name:
        raise Forged("the request names no freehold-caller")
    if not KEY:
        return name
    key, expires, digest = (headers.get(it, "") for it in ("idempotency-key", "freehold-expires", "freehold-body-digest"))
    text = "\n".join((name, method, path, key, expires, digest))
    made = hmac.new(KEY, text.encode(), hashlib.sha256).hexdigest()
    if not hmac.compare_digest(made, headers.get("freehold-signature", "")):
        raise Forged("the signature is not this caller's for this request")
    # A status and a forget say everything in their signed key.
    silent = not body and key.endswith(("/status", "/forget"))
    if not silent and hashlib.sha256(body).hexdigest() != digest:
        raise Forged("the body is not the one that was signed")
    return name


class Barrier:
    """One call of a saga: its rows and its decision, in the transaction of the business."""

    def __init__(self, store, headers, caller):
        self.store = store
        self.key = headers.get("idempotency-key", "")
        parts = self.key.split("/")
        if len(parts) != 4 or not parts[2].isdigit() or parts[3] not in ("action", "undo", "resolve", "cancel", "status"):
            raise ValueError("a step of a saga needs an idempotency-key of saga/step/generation/kind")
        self.place = (caller, parts[0], parts[1], int(parts[2]))
        self.kind = parts[3]
        self.digest = headers.get("freehold-body-digest", "")
        self.expires = headers.get("freehold-expires")

    def expired(self):
        return self.expires is not None and time.time() * 1000 > int(self.expires)

    def insert(self, kind, ran):
        self.store.execute(
            "INSERT INTO freehold_barrier (caller, saga, step, generation, kind, ran, digest) VALUES (?, ?, ?, ?, ?, ?, ?)",
            (*self.place, kind, ran, self.digest),
        )

    def decide(self, act, take_back):
        """The outcome and its output; everything stays in the open transaction."""
        rows = self.store.execute(
            "SELECT kind, ran, result, digest FROM freehold_barrier WHERE caller = ? AND saga = ? AND step = ? AND generation = ?",
            self.place,
        ).fetchall()
        undone = any(row[0] == "undo" for row in rows)
        ran, result, digest = next((row[1:] for row in rows if row[0] == "action"), (None, None, None))
        stored = json.loads(result) if result else None
        if self.kind == "action":
            if ran is None and not undone:
                return self.act(act)
            if undone or ran == "empty":
                return "cancelled", None
            if digest != self.digest:
                raise ValueError("this key came with another body before")
            return ran, stored
        if self.kind == "undo":
            if undone:
                return "undone", None
            if ran is None:
                self.insert("action", "empty")
            self.insert("undo", "done" if ran == "done" else "empty")
            if ran == "done":
                take_back(self.store, stored)
            return "undone", None
        if ran is None:
            if self.kind == "cancel":
                self.insert("action", "empty")
                self.insert("undo", "empty")
                return "never", None
            return "not-found", None
        return ("done", stored) if ran == "done" and not undone else ("never", None)

    def act(self, act):
        self.insert("action", "done")
        self.store.execute("SAVEPOINT business")
        output, refusal = act(self.store)
        if refusal:
            self.store.execute("ROLLBACK TO business")
            output = {"reason": refusal}
        ran = "refused" if refusal else "done"
        self.store.execute(
            "UPDATE freehold_barrier SET ran = ?, result = ? WHERE caller = ? AND saga = ? AND step = ? AND generation = ? AND kind = 'action'",
            (ran, json.dumps(output), *self.place),
        )
        return ran, output

    def status(self):
        rows = self.store.execute(
            "SELECT generation, kind, ran FROM freehold_barrier WHERE caller = ? AND saga = ? AND step = ?", self.place[:3]
        ).fetchall()
        undone = {generation for generation, kind, _ in rows if kind == "undo"}
        done = [g for g, kind, ran in rows if kind == "action" and ran == "done" and g not in undone]
        return f"{max((g for g, _, _ in rows), default=0)} {done[0] if done else '-'}"

    def life(self):
        return self.store.execute("SELECT token FROM freehold_saga_life").fetchone()[0]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, body, headers=()):
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def raw(self):
        return self.rfile.read(int(self.headers.get("content-length", 0)))

    def body(self):
        return json.loads(self.raw() or b"{}")

    def do_GET(self):
        store = connect()
        try:
            if self.path == "/healthz":
                store.execute("SELECT 1")
                self.answer(200, "ok")
            elif self.path == "/payments/totals":
                rows = store.execute(
                    "SELECT currency, SUM(amount_cents - refunded_cents), COUNT(*) FROM payments"
                    " WHERE status = 'captured' GROUP BY currency ORDER BY currency"
                )
                self.answer(200, {"captured": [{"currency": c, "cents": s, "payments": n} for c, s, n in rows]})
            elif self.path.startswith("/payments/order/"):
                rows = store.execute(
                    "SELECT payment_id, status, amount_cents, refunded_cents, currency FROM payments WHERE order_id = ? ORDER BY 1",
                    (self.path.rsplit("/", 1)[1],),
                )
                names = ("paymentId", "status", "amountCents", "refundedCents", "currency")
                self.answer(200, {"payments": [dict(zip(names, row)) for row in rows]})
            else:
                self.answer(404, {"error": "there is no such page"})
        finally:
            store.close()

    def do_PUT(self):
        if self.path != "/provider":
            return self.answer(404, {"error": "there is no such page"})
        asked = self.body()
        with planning:
            plan.update(next=list(asked.get("next", [])), declineEvery=asked.get("declineEvery", 0))
        self.answer(200, {"planned": True})

    def do_DELETE(self):
        """The caller has forgotten a saga, so nothing of it is on its way any more."""
        raw = self.raw()
        saga, forget, rest = self.headers.get("idempotency-key", "").partition("/-/0/forget")
        if self.path != "/.freehold/barrier" or not saga or not forget or rest:
            return self.answer(404, {"error": "there is no such page"})
        store = connect()
        try:
            who = caller("DELETE", self.path, self.headers, raw)
            store.execute("DELETE FROM freehold_barrier WHERE caller = ? AND saga = ?", (who, saga))
            self.answer(200, None)
        except Forged as forged:
            self.answer(401, {"error": str(forged)})
        finally:
            store.close()

    def do_POST(self):
        raw = self.raw()
        try:
            self.caller = caller("POST", self.path, self.headers, raw)
        except Forged as forged:
            print(f"refused a call to {self.path}: {forged}", flush=True)
            return self.answer(401, {"error": str(forged)})
        body = json.loads(raw or b"{}")
        if self.path == "/.freehold/barrier" and self.headers.get("idempotency-key", "").endswith("/status"):
            self.step(None, None)
        elif not body:
            self.answer(422, {"error": "a body is needed"})
        elif self.path == "/payments/charge":
            how = behaviour(body["orderId"])
            if how == "stall":
                time.sleep(20)
            self.step(lambda store: charge(store, body, how), lambda store, out: pay_back(store, out["orderId"]), how)
        elif self.path == "/payments/refund":
            order = body["orderId"]
            self.step(lambda store: ({"orderId": order, "refundedCents": pay_back(store, order)}, None), lambda *_: None)
        else:
            self.answer(404, {"error": "there is no such page"})

    def step(self, act, take_back, how="approve"):
        store = connect()
        try:
            barrier = Barrier(store, self.headers, self.caller)
            echo = [("idempotency-key", barrier.key), ("freehold-incarnation", barrier.life())]
            if barrier.kind == "status":
                return self.answer(200, None, [*echo, ("freehold-generations", barrier.status())])
            store.execute("BEGIN IMMEDIATE")
            if barrier.expired():
                raise TimeoutError
            outcome, output = barrier.decide(act, take_back)
            if barrier.expired():
                raise TimeoutError
            store.execute("COMMIT")
            if how == "late":
                time.sleep(3)
            elif how == "crash":
                os.abort()
            self.answer(200, output, [*echo, ("freehold-outcome", outcome)])
        except ValueError as error:
            self.answer(422, {"error": str(error)})
        except TimeoutError:
            self.answer(409, {"error": "the request came too late: nothing was done"})
        except sqlite3.Error as error:
            print(f"store: {error}", flush=True)
            self.answer(503, {"error": "the store is busy or away: try again"})
        finally:
            store.close()


def main():
    server = ThreadingHTTPServer(("127.0.0.1", int(os.environ.get("PORT", 0))), Handler)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    print(f"listening on http://127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
