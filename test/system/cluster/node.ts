import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { type Parts, writeKubeconfig } from './control-plane.ts';
import { addAddress, hierarchies } from './host.ts';
import { commands, type Processes } from './processes.ts';

/** Below this, in every hierarchy, the nodes have theirs. */
export const CGROUP = 'syscribe-cluster';
/** The image of the process that holds a pod's namespaces. */
export const PAUSE = 'syscribe.test/busybox:1';
const PLUGINS = '/usr/lib/cni';

/** A node: a containerd and a kubelet, beside others of the same machine. */
export interface Node {
  readonly name: string;
  readonly directory: string;
  readonly socket: string;
}

/** Starts containerd, and has it know the images; {@link startKubelet} comes behind. */
export async function startContainerd(parts: Parts, number: number, images: readonly string[]): Promise<Node> {
  const name = `node-${number}`;
  const directory = join(parts.directory, name);
  for (const name of ['cni', 'manifests']) mkdirSync(join(directory, name), { recursive: true, mode: 0o700 });
  const node: Node = { name, directory, socket: join(directory, 'containerd.sock') };
  writeFileSync(join(directory, 'cni', '10-bridge.conflist'), network(node, number));
  writeFileSync(join(directory, 'containerd.toml'), containerdSettings(node));
  parts.processes.start(`${name}-containerd`, 'containerd', ['--config', join(directory, 'containerd.toml')]);
  await listening(parts.processes, node.socket);
  for (const image of images) execFileSync('ctr', ['-a', node.socket, '-n', 'k8s.io', 'images', 'import', image]);
  return node;
}

/** Waits for a containerd that was started. */
export async function listening(processes: Processes, socket: string): Promise<void> {
  while (!existsSync(socket)) {
    const [ended] = processes.ended();
    if (ended !== undefined) throw new Error(ended);
    await setTimeout(20);
  }
}

export function startKubelet(parts: Parts, node: Node, number: number): void {
  const { programs, authority, processes } = parts;
  const { name, directory } = node;
  const address = `10.97.0.${number}`;
  addAddress(address);
  for (const hierarchy of hierarchies()) mkdirSync(join(hierarchy, CGROUP, name), { recursive: true });
  // A new cpuset allows nothing until it is told what.
  execFileSync('sh', ['-c', CPUSETS, 'sh', CGROUP, `${CGROUP}/${name}`]);
  const identity = authority.issue({
    name,
    commonName: `system:node:${name}`,
    organization: 'system:nodes',
    addresses: [`IP:${address}`, `DNS:${name}`],
  });
  const kubeconfig = join(directory, 'kubeconfig');
  writeKubeconfig(kubeconfig, authority, identity);
  const settings = join(directory, 'kubelet.json');
  const all = { ...kubeletSettings(node, address), tlsCertFile: identity.certificate, tlsPrivateKeyFile: identity.key };
  const anonymous = { enabled: false };
  const authentication = { anonymous, x509: { clientCAFile: authority.own.certificate }, webhook: { enabled: true } };
  writeFileSync(settings, JSON.stringify({ ...all, authentication }));
  processes.start(`${name}-kubelet`, join(programs, 'kubelet'), [
    `--config=${settings}`,
    `--kubeconfig=${kubeconfig}`,
    `--hostname-override=${name}`,
    `--node-ip=${address}`,
    `--root-dir=${join(directory, 'kubelet')}`,
    `--cert-dir=${join(directory, 'kubelet', 'pki')}`,
  ]);
}

/** What holds the containers of a node's pods; each outlives its containerd. */
export function shimsOf(directory: string): number[] {
  const socket = join(directory, 'containerd.sock');
  return commands()
    .filter(({ words }) => words[0]?.includes('containerd-shim') && words.includes(socket))
    .map(({ pid }) => pid);
}

const CPUSETS = `
for path; do
	for root in /sys/fs/cgroup/cpuset /sys/fs/cgroup/cpuset,*; do
		[ -e "$root/$path/cpuset.cpus" ] || continue
		cat "$root/cpuset.cpus" >"$root/$path/cpuset.cpus"
		cat "$root/cpuset.mems" >"$root/$path/cpuset.mems"
	done
done`;

function kubeletSettings({ directory, name, socket }: Node, address: string): object {
  return {
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    kind: 'KubeletConfiguration',
    address,
    healthzBindAddress: address,
    authorization: { mode: 'Webhook' },
    containerRuntimeEndpoint: `unix://${socket}`,
    cgroupDriver: 'cgroupfs',
    cgroupRoot: `/${CGROUP}/${name}`,
    podLogsDir: join(directory, 'pod-logs'),
    staticPodPath: join(directory, 'manifests'),
    fileCheckFrequency: '1s',
    volumePluginDir: join(directory, 'volume-plugins'),
    clusterDomain: 'cluster.local',
    // A machine for tests: swap, full disks and older cgroups are no reason not to run.
    failSwapOn: false,
    failCgroupV1: false,
    evictionHard: {},
    localStorageCapacityIsolation: false,
    enforceNodeAllocatable: [],
    imageGCHighThresholdPercent: 100,
    imageGCLowThresholdPercent: 99,
    oomScoreAdj: 0,
  };
}

/** No overlay and no negative oom_score_adj: neither is to be had inside many containers and small machines. */
function containerdSettings({ directory, socket }: Node): string {
  return `version = 2
root = "${directory}/containerd/root"
state = "${directory}/containerd/state"
[grpc]
  address = "${socket}"
[plugins."io.containerd.internal.v1.opt"]
  path = "${directory}/containerd/opt"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "${PAUSE}"
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "${PLUGINS}"
    conf_dir = "${directory}/cni"
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "native"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
`;
}

function network({ directory }: Node, number: number): string {
  const bridge = {
    type: 'bridge',
    bridge: `syscribe${number}`,
    isGateway: true,
    hairpinMode: true,
    ipam: {
      type: 'host-local',
      ranges: [[{ subnet: `10.98.${number}.0/24` }]],
      routes: [{ dst: '0.0.0.0/0' }],
      dataDir: join(directory, 'addresses'),
    },
  };
  return JSON.stringify({ cniVersion: '0.4.0', name: `syscribe${number}`, plugins: [bridge] });
}
