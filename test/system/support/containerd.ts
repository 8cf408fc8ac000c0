import { copyFileSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { writeImage } from '../../../scripts/image/archive.ts';
import { Cri } from './cri.ts';
import { Running, run, temporary } from './syscribe.ts';

const IMAGE = 'docker.io/library/busybox:test';
const HOST_NETWORK = { network: 'NODE' };

/** A real containerd of the test's own, with one image: busybox. */
export class Containerd {
  readonly endpoint: string;
  readonly #cri: Cri;
  readonly #directory: string;
  readonly #daemon: Running;
  readonly #sandboxes: string[] = [];

  private constructor(directory: string) {
    this.#directory = directory;
    this.endpoint = `unix://${directory}/containerd.sock`;
    this.#cri = new Cri(this.endpoint);
    writeFileSync(join(directory, 'config.toml'), config(directory));
    this.#daemon = new Running('containerd', ['--config', join(directory, 'config.toml')]);
  }

  static async start(context: TestContext): Promise<Containerd> {
    let containerd: Containerd | undefined;
    // Registered before the directory: hooks run in order, and what is mounted there has to go first.
    context.after(() => containerd?.stop());
    const directory = temporary(context);
    containerd = new Containerd(directory);
    await containerd.#daemon.until('stderr', /containerd successfully booted/);
    makeImage(directory);
    await containerd.ctr('images', 'import', join(directory, 'image.tar'));
    return containerd;
  }

  /** What it prints; images are where kubelets look for them. */
  async ctr(...args: string[]): Promise<string> {
    const { code, stdout, stderr } = await run(
      'ctr',
      '-a',
      join(this.#directory, 'containerd.sock'),
      '-n',
      'k8s.io',
      ...args,
    );
    if (code !== 0) throw new Error(stderr);
    return stdout;
  }

  /** Runs a pod with one container, both under the seccomp profile of this file. */
  async runPod(pod: {
    name: string;
    namespace: string;
    container: string;
    command: string[];
    seccomp: string;
    cgroup: string;
    uid?: string;
  }): Promise<{ sandbox: string; container: string }> {
    const seccomp = { profileType: 'Localhost', localhostRef: pod.seccomp };
    const security = { namespaceOptions: HOST_NETWORK, seccomp };
    const uid = pod.uid ?? `uid-of-${pod.name}`;
    const sandboxConfig = {
      metadata: { name: pod.name, namespace: pod.namespace, uid },
      logDirectory: this.#directory,
      linux: { cgroupParent: pod.cgroup, securityContext: security },
    };
    const { podSandboxId } = await this.#cri.ask('RunPodSandbox', { config: sandboxConfig });
    this.#sandboxes.push(podSandboxId as string);
    const { containerId } = await this.#cri.ask('CreateContainer', {
      podSandboxId,
      sandboxConfig,
      config: {
        metadata: { name: pod.container },
        image: { image: IMAGE },
        command: pod.command,
        labels: {
          'io.kubernetes.container.name': pod.container,
          'io.kubernetes.pod.name': pod.name,
          'io.kubernetes.pod.namespace': pod.namespace,
          'io.kubernetes.pod.uid': uid,
        },
        logPath: `${pod.container}.log`,
        linux: { securityContext: security },
      },
    });
    await this.#cri.ask('StartContainer', { containerId });
    return { sandbox: podSandboxId as string, container: containerId as string };
  }

  /** Ends a pod with its containers. */
  async endPod(sandbox: string): Promise<void> {
    await this.#cri.endPod(sandbox);
    this.#sandboxes.splice(this.#sandboxes.indexOf(sandbox), 1);
  }

  async stop(): Promise<void> {
    for (const sandbox of this.#sandboxes) await this.#cri.endPod(sandbox);
    this.#cri[Symbol.dispose]();
    this.#daemon.child.kill('SIGTERM');
    await this.#daemon.finished;
  }
}

/** No overlay and no negative oom_score_adj: neither is to be had inside many containers and small machines. */
function config(directory: string): string {
  return `version = 2
root = "${directory}/root"
state = "${directory}/state"
[grpc]
  address = "${directory}/containerd.sock"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "${IMAGE}"
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "native"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
`;
}

function makeImage(directory: string): void {
  const root = join(directory, 'image');
  mkdirSync(join(root, 'bin'), { recursive: true });
  copyFileSync('/bin/busybox', join(root, 'bin', 'busybox'));
  for (const name of ['sh', 'sleep', 'mkdir', 'true']) symlinkSync('busybox', join(root, 'bin', name));
  writeImage(join(directory, 'image.tar'), IMAGE, root, { Entrypoint: ['/bin/sleep', '1000000'], Env: ['PATH=/bin'] });
}
