"""Two versions of a role as an admin publishes them: trees with the client in them, manifests, signatures, and what
an upgrade from one to the other is told. The roles themselves stay as they were built."""

import shutil
import subprocess

from console import LabError

FORMER, LATTER = "1.0", "1.1"
# Where the key is in the ramdisk, and where the installation leaves it: nothing else is believed.
TRUSTED, KEPT = "roles.pub", "/var/lib/edeploy/roles.pub"


class Releases:
    """The versions of one role below what the rsync daemon of a case serves."""

    def __init__(self, services, role):
        self.services, self.role = services, role
        self.boot = services.work / "boot"
        self.update = self.boot / "metadata" / FORMER / role / LATTER

    def publish(self):
        """Both versions, signed, and the way from one to the other."""
        for name in ("roles", "others"):
            self.services.edeployctl("role", "keygen", self.boot / name)
        for version in (FORMER, LATTER):
            self.make_tree(version)
            self.vouch(version)
        self.make_update()
        self.services.put = {TRUSTED: (self.public_key(), 0o644)}
        self.services.modules = {"install": self.boot / "install", "metadata": self.boot / "metadata"}

    def tree(self, version):
        """Where a version is served from."""
        return self.boot / "install" / version / self.role

    def public_key(self):
        """What machines check with."""
        return (self.boot / "roles.pub").read_text()

    def manifest(self, version):
        """The manifest of a version."""
        return self.tree(version).parent / f"{self.role}.manifest"

    def vouch(self, version, by="roles"):
        """Says what a version holds, signed by one of the two keys; machines know `roles`."""
        self.services.edeployctl("role", "manifest", self.tree(version))
        self.services.edeployctl("role", "sign", self.manifest(version), "--key", self.boot / f"{by}.key")

    def pass_for(self, version, other):
        """Serves the manifest of a version as that of another one."""
        for ending in ("", ".minisig"):
            shutil.copy(f"{self.manifest(version)}{ending}", f"{self.manifest(other)}{ending}")

    def make_tree(self, version):
        """The built role, whose files are shared and never written to, with the client and the lab's agent."""
        built, tree = self.services.options.roles / version / self.role, self.tree(version)
        if not built.exists():
            raise LabError(f"there is no {built}: packaging/role-{self.role} and role-{self.role}-{LATTER} make them")
        tree.mkdir(parents=True)
        subprocess.run(["rsync", "-aHX", f"--link-dest={built}", f"{built}/", f"{tree}/"], check=True)
        client, lab, units = tree / "usr/bin/edeploy", tree / "usr/lib/lab", tree / "etc/systemd/system"
        subprocess.run(["strip", "-o", client, self.services.options.bins / "edeploy"], check=True)
        if version != FORMER:
            # An upgrade changes the program that it runs as.
            with open(client, "ab") as file:
                file.write(b"\0")
        client.chmod(0o755)
        parts = self.services.options.tests / "upgrade"
        shutil.copy2(parts / "agent", lab)
        shutil.copy2(parts / "agent.service", units)
        (units / "multi-user.target.wants" / "agent.service").symlink_to("/etc/systemd/system/agent.service")

    def make_update(self):
        """What goes before and after as the difference of the trees says, with what only the admin knows."""
        self.metadata()
        for name in ("pre", "post"):
            script = self.update / name
            first, *rest = script.read_text().splitlines(keepends=True)
            own = (self.services.options.tests / "upgrade" / name).read_text()
            script.write_text("".join([first, own, *rest]))
        self.vouch_for_update()

    def vouch_for_update(self, by="roles"):
        """Says what the way holds, signed by one of the two keys."""
        self.metadata("--key", self.boot / f"{by}.key")

    def metadata(self, *more):
        """Writes the way from one version to the other; files that are there are kept."""
        trees = [self.tree(version) for version in (FORMER, LATTER)]
        self.services.edeployctl("role", "metadata", *trees, "--out", self.boot / "metadata", *more)
