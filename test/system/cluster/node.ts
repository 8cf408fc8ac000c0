import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { Cri } from '../support/cri.ts';
import { type Parts, writeKubeconfig } from './control-plane.ts';
import { addAddress, hierarchies, makeCgroup } from './host.ts';
import { commands, type Processes } from './processes.ts';
import { BACKOFF_CAN_BE_SET, MACHINE, RUNTIME } from './variables.ts';

/** One cluster at a time on a machine: its addresses and bridges are the machine's. */
export const DIRECTORY = '/var/lib/syscribe-cluster';
/** Below this, in every hierarchy, the nodes have theirs. */
export const CGROUP = 'syscribe-cluster';
/** The image of the process that holds a pod's namespaces. */
export const PAUSE = 'syscribe.test/busybox:1';
const PLUGINS = '/usr/lib/cni';

/** A node: a containerd and a kubelet, beside others of the same machine. */
export interface Node {
  readonly number: number;
  readonly name: string;
  readonly address: string;
  readonly directory: string;
  readonly socket: string;
}

/** @param directory the cluster's. */
export function nodeOf(directory: string, number: number): Node {
  const name = `node-${number}`;
  const own = join(directory, name);
  return { number, name, address: `10.97.0.${number}`, directory: own, socket: join(own, 'containerd.sock') };
}

/** Writes what a node is started from. */
export function prepareNode({ directory: all, authority }: Parts, number: number): Node {
  const node = nodeOf(all, number);
  const { name, address, directory } = node;
  for (const name of ['cni', 'manifests']) mkdirSync(join(directory, name), { recursive: true, mode: 0o700 });
  writeFileSync(join(directory, 'cni', '10-bridge.conflist'), network(node));
  writeFileSync(join(directory, 'containerd.toml'), containerdSettings(node));
  const identity = authority.issue({
    name,
    commonName: `system:node:${name}`,
    organization: 'system:nodes',
    addresses: [`IP:${address}`, `DNS:${name}`],
  });
  writeKubeconfig(join(directory, 'kubeconfig'), authority, identity);
  const tls = { tlsCertFile: identity.certificate, tlsPrivateKeyFile: identity.key };
  const anonymous = { enabled: false };
  const authentication = { anonymous, x509: { clientCAFile: authority.own.certificate }, webhook: { enabled: true } };
  const settings = { ...kubeletSettings(node), ...tls, authentication };
  writeFileSync(join(directory, 'kubelet.json'), JSON.stringify(settings));
  return node;
}

/** Starts containerd, and has it know the images; {@link startKubelet} comes behind. */
export async function startContainerd(processes: Processes, node: Node, images: readonly string[]): Promise<void> {
  const { name, directory, socket } = node;
  processes.start(`${name}-containerd`, 'containerd', ['--config', join(directory, 'containerd.toml')]);
  await answering(processes, socket);
  for (const image of images) execFileSync('ctr', ['-a', socket, '-n', 'k8s.io', 'images', 'import', image]);
}

/** Waits until a containerd that was started answers: its socket is there before its part for Kubernetes is. */
export async function answering(processes: Processes, socket: string): Promise<void> {
  // A connection that failed is tried again only after a second.
  await processes.until(() => access(socket));
  using cri = new Cri(`unix://${socket}`);
  await processes.until(() => cri.ask('Version', {}));
}

/** @param programs where Kubernetes' are. */
export function startKubelet(processes: Processes, node: Node, programs: string): void {
  const { name, address, directory } = node;
  addAddress(address);
  for (const hierarchy of hierarchies()) makeCgroup(hierarchy, `${CGROUP}/${name}`);
  // A new cpuset allows nothing until it is told what.
  execFileSync('sh', ['-c', CPUSETS, 'sh', CGROUP, `${CGROUP}/${name}`]);
  processes.start(`${name}-kubelet`, join(programs, 'kubelet'), [
    `--config=${join(directory, 'kubelet.json')}`,
    `--kubeconfig=${join(directory, 'kubeconfig')}`,
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

function kubeletSettings({ directory, name, address, socket }: Node): object {
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
    // What is killed is started again at once: else after 10 s, then 20, 40, up to 300.
    ...(BACKOFF_CAN_BE_SET && {
      featureGates: { KubeletCrashLoopBackOffMax: true },
      crashLoopBackOff: { maxContainerRestartPeriod: '1s' },
    }),
  };
}

/** Here, no overlay and no negative oom_score_adj: neither is to be had inside many containers and small machines. */
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
    snapshotter = "${MACHINE === undefined ? 'native' : 'overlayfs'}"
    default_runtime_name = "${RUNTIME}"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.${RUNTIME}]
      runtime_type = "io.containerd.runc.v2"
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.${RUNTIME}.options]
        BinaryName = "${RUNTIME}"
`;
}

function network({ directory, number }: Node): string {
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
