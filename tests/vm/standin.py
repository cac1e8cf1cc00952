"""Stands in for the server's boot scripts until the server has them."""

import http.server
import threading
from functools import partial

from network import ADDRESS


class Standin(http.server.SimpleHTTPRequestHandler):
    installed = set()
    arguments = ""

    def do_GET(self):
        if self.path.startswith("/boot.ipxe"):
            url = f"http://{ADDRESS}:81"
            if "?" not in self.path:
                script = f"#!ipxe\nchain {url}/boot.ipxe?uuid=${{uuid}}\n"
            elif self.path.split("uuid=")[1] in self.installed:
                script = "#!ipxe\nexit\n"
            else:
                script = (
                    f"#!ipxe\nkernel {url}/vmlinuz initrd=ramdisk SERV={ADDRESS} HTTP_PORT=80 {self.arguments}\n"
                    f"initrd --name ramdisk {url}/ramdisk\nboot\n"
                )
            self.send_response(200)
            self.send_header("Content-Length", str(len(script)))
            self.end_headers()
            self.wfile.write(script.encode())
        else:
            super().do_GET()


def serve(options, arguments):
    Standin.arguments = arguments
    files = partial(Standin, directory=str(options.ramdisk))
    server = http.server.ThreadingHTTPServer((ADDRESS, 81), files)
    threading.Thread(target=server.serve_forever, daemon=True).start()
