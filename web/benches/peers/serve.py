"""A plain Flask application behind gunicorn, which renders 48 rows of a database for each request.

Written for the comparison in `pages.rs`. SQLite stands for MariaDB here, to its advantage: there is no
second process, whose CPU would have to be counted.
"""

import os
import sqlite3

from flask import Flask, render_template_string
from gunicorn.app.base import BaseApplication

DATABASE = os.environ["DATABASE"]
app = Flask(__name__)

PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Gallery</title></head><body><ul>
{% for row in rows %}<li><a href="/images/{{ row.id }}"><img src="{{ row.thumbnail }}" alt="{{ row.caption }}"
width="{{ row.width }}" height="{{ row.height }}" loading="lazy"></a><p>{{ row.caption }}</p>
<p><time datetime="{{ row.uploaded_at }}">{{ row.uploaded_at }}</time> {{ row.state }}</p></li>
{% endfor %}</ul></body></html>"""


def fill():
    with sqlite3.connect(DATABASE) as db:
        db.execute(
            "CREATE TABLE image (id INTEGER PRIMARY KEY, thumbnail TEXT, caption TEXT, width INTEGER,"
            " height INTEGER, uploaded_at TEXT, state TEXT)"
        )
        db.executemany(
            "INSERT INTO image VALUES (?, ?, ?, 4000, 3000, '2026-11-26 12:00', 'done')",
            (
                (n, f"/thumbnails/{n}.jpg", f"A picture with number {n} and many colours")
                for n in range(1000)
            ),
        )


@app.get("/gallery")
def gallery():
    db = sqlite3.connect(DATABASE)
    db.row_factory = sqlite3.Row
    rows = db.execute("SELECT * FROM image ORDER BY id DESC LIMIT 48").fetchall()
    db.close()
    return render_template_string(PAGE, rows=rows)


class Server(BaseApplication):
    def load_config(self):
        self.cfg.set("bind", os.environ["BIND"])
        self.cfg.set("workers", 2)

    def load(self):
        return app


if __name__ == "__main__":
    fill()
    Server().run()
