"""What a student could write so that it runs in somebody's browser, and a server that notes what is asked for."""

from __future__ import annotations

import base64
import http.server

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
SCRIPT = "hostile()"  # there is no such function: where it is called, the page has an error


def attacks(listener: str) -> list[str]:
    """What a student could write anywhere; each names itself by a number, so that its text can be looked for."""
    script = f"window.hostile=1;alert(1);fetch('{listener}/fetch')"
    page = base64.b64encode(f"<script>{script}</script>".encode()).decode()
    return [
        f"<script>{script}</script>",
        f"</script></style></title></textarea></pre></div></td></table></main></body><script>{script}</script>",
        f"<!--><script>{script}</script>-->",
        f'"><img src=x onerror="{script}">',
        f"'><img src={listener}/img>",
        f'<img srcset="{listener}/srcset 1x" src=data:,>',
        f'<svg xmlns="http://www.w3.org/2000/svg" onload="{script}"><script>{script}</script><image href="{listener}/svg"/></svg>',
        f"<math><mtext><table><mglyph><style><img src=x onerror={script}></style></mglyph></table></mtext></math>",
        f'<style>body {{ background: url("{listener}/css"); }} @import "{listener}/import";</style>',
        f'<p style="background: url({listener}/inline); position: fixed; inset: 0">covered</p>',
        f'<link rel=stylesheet href="{listener}/link"><link rel=prefetch href="{listener}/prefetch">',
        f'<meta http-equiv=refresh content="0; url={listener}/refresh"><base href="{listener}/base/">',
        f'<iframe src="{listener}/frame"></iframe><iframe srcdoc="<script>{script}</script>"></iframe>',
        f'<iframe src="data:text/html;base64,{page}"></iframe><object data="data:text/html;base64,{page}"></object>',
        f'<embed src="{listener}/embed"><video src="{listener}/video" autoplay></video><audio src="{listener}/audio"></audio>',
        f'<form action="{listener}/form"><input autofocus onfocus="{script}"><button>Send</button></form>',
        f'<details open ontoggle="{script}"><summary>x</summary></details><body onload="{script}">',
        f"[a](javascript:{script}) [b](data:text/html;base64,{page}) [c](vbscript:hostile) <javascript:{script}>",
        f'<a href="java&#10;script:{script}" id=hostile name=hostile>link</a> ![i]({listener}/markdown)',
        f"$$\\href{{javascript:{script}}}{{x}}$$ \\(\\unicode{{<img src=x onerror={script}>}}\\)",
        f"\x1b]8;;javascript:{script}\x1b\\link\x1b]8;;\x1b\\ \x1b[31mred\x1b[0m <script>{script}</script>",
        f"\u202e\u2066>tpircs/<\u2069\u202c \u200f<script>{script}</script>",
        "{{ 7 * 191 }} {% raw %} {{ config }} {{ ''.__class__.__mro__ }}",
    ]


class Listener(http.server.SimpleHTTPRequestHandler):
    """Serves the pages and writes down whatever else is asked for."""

    asked: list[str]

    def do_GET(self):
        if self.path.endswith(".html"):
            super().do_GET()
        elif self.path == "/favicon.ico":  # every browser asks once, whatever the page holds
            self.send_response(204)
            self.end_headers()
        else:
            self.asked.append(self.path)
            self.send_error(404)

    def log_message(self, *_):
        pass
