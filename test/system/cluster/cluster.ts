import { execFile, execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Cri } from '../support/cri.ts';
import { Authority } from './certificates.ts';
import { API_ADDRESS, type Parts, startControllers, startServers } from './control-plane.ts';
import {
  addAddress,
  BPFFS,
  hasNodes,
  killBelow,
  rememberHost,
  removeCgroups,
  restoreHost,
  unmountBelow,
} from './host.ts';
import { makeImages } from './images.ts';
import { startMachine } from './machine.ts';
import { answering, CGROUP, DIRECTORY, prepareNode, shimsOf, startContainerd, startKubelet } from './node.ts';
import { Processes, type Started } from './processes.ts';
import { MACHINE, timeout } from './variables.ts';

export { DIRECTORY };

/** A running cluster. */
export interface Cluster {
  readonly kubeconfig: string;
  /** kubectl of the cluster's own version. */
  readonly kubectl: string;
  readonly nodes: readonly string[];
}

/**
 * Builds Kubernetes unless that was done before, which takes minutes; returns the directory of its programs.
 * @throws when there is no Go, or no modules; why stands on standard error.
 */
export function buildKubernetes(env: NodeJS.ProcessEnv = process.env): string {
  const script = fileURLToPath(new URL('build.sh', import.meta.url));
  return execFileSync(script, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'], env }).trim();
}

/** The directory of the version that tests use where nobody asks for another: Helm is beside it. */
export function usualKubernetes(): string {
  return buildKubernetes({ ...process.env, SYSCRIBE_TEST_KUBERNETES: '' });
}

/**
 * Starts a Kubernetes of as many nodes on this machine (0: an API server alone) and waits until they are ready.
 * @throws Error with the end of the log of what did not start; what was started is stopped again then.
 */
export async function startCluster(
  count: number,
  say: (text: string) => void,
  options: Pick<Parts, 'audit' | 'simulated'> = {},
): Promise<Cluster> {
  if (existsSync(DIRECTORY)) {
    if (new Processes(DIRECTORY).alive())
      throw new Error(`there is a cluster already: make cluster-down ends it (${DIRECTORY})`);
    say('taking away what is left of a cluster that was killed');
    await stopCluster();
  }
  say('building Kubernetes from its Go modules (minutes, the first time)');
  const programs = buildKubernetes();
  mkdirSync(DIRECTORY, { mode: 0o700 });
  // An API server alone changes nothing of the machine but an address, and may run beside another cluster (apart.sh).
  if (count > 0) rememberHost(DIRECTORY);
  try {
    return await start({ directory: DIRECTORY, programs, ...options }, count, say);
  } catch (error) {
    await stopCluster().catch((also: unknown) => say(`not all could be taken back: ${also}`));
    throw error;
  }
}

async function start(
  where: Pick<Parts, 'directory' | 'programs' | 'audit' | 'simulated'>,
  count: number,
  say: (text: string) => void,
): Promise<Cluster> {
  const { directory, programs } = where;
  const processes = new Processes(directory);
  const parts: Parts = { ...where, processes, authority: new Authority(join(directory, 'pki')) };
  addAddress(API_ADDRESS);
  const accounts = parts.authority.keyPair('service-accounts');
  const kubeconfig = startServers(parts, accounts);
  const kubectl = join(programs, 'kubectl');
  // Not by an option: kubectl takes none before a plugin's name.
  writeFileSync(join(directory, 'kubectl'), `#!/bin/sh\nKUBECONFIG=${kubeconfig} exec ${kubectl} "$@"\n`, {
    mode: 0o700,
  });
  if (count > 0) say('making images from this machine’s packages');
  const images = count > 0 ? makeImages(directory) : [];
  const nodes = Array.from({ length: count }, (_, index) => prepareNode(parts, index + 1));
  for (const node of nodes) {
    await startContainerd(processes, node, images);
    if (MACHINE !== undefined) await startMachine(processes, node, MACHINE, programs);
  }
  const ask = (...args: string[]) => promisify(execFile)(kubectl, ['--kubeconfig', kubeconfig, ...args]);
  say('waiting for the API server');
  await processes.until(() => ask('get', '--raw', '/readyz'));
  startControllers(parts, accounts);
  if (MACHINE === undefined) for (const node of nodes) startKubelet(processes, node, programs);
  if (count > 0) say('waiting for the nodes');
  for (const { name } of nodes) {
    await processes.until(() => ask('get', 'node', name));
    await ask('wait', '--for=condition=Ready', `node/${name}`, timeout(120));
  }
  await processes.until(() => ask('get', 'serviceaccount', 'default'));
  return { kubeconfig, kubectl: join(directory, 'kubectl'), nodes: nodes.map(({ name }) => name) };
}

/**
 * Does something while the API server of the running cluster is away; ends when it answers again, and what works for it does.
 * @returns when it answered, by performance.now().
 */
export async function withoutApiServer(task: () => Promise<void>): Promise<number> {
  const processes = new Processes(DIRECTORY);
  const startAgain = (stopped: readonly Started[]) => {
    for (const { name, file, args } of stopped) processes.start(name, file, args);
  };
  const servers = await processes.stop(/^kube-apiserver$/);
  try {
    await task();
  } finally {
    startAgain(servers);
  }
  const ask = (...args: string[]) => promisify(execFile)(join(DIRECTORY, 'kubectl'), args);
  await processes.until(() => ask('get', '--raw', '/readyz'));
  const back = performance.now();
  // Behind an outage of minutes they would look for it again in another.
  startAgain(await processes.stop(/^kube-(controller-manager|scheduler)$/));
  const account = ['-n', 'kube-node-lease', 'serviceaccount/default'];
  await ask('delete', ...account);
  await ask('wait', '--for=create', ...account, timeout(120));
  return back;
}

/**
 * What a node's machine does when it starts anew: all that ran or was mounted, cgroups and what was pinned are gone, the
 * disk is left.
 */
export async function rebootNode(name: string): Promise<void> {
  const processes = new Processes(DIRECTORY);
  const directory = join(DIRECTORY, name);
  const stopped = await processes.stop(new RegExp(`^${name}-`));
  await killBelow(`${CGROUP}/${name}`);
  for (const pid of shimsOf(directory)) process.kill(pid, 'SIGKILL');
  removeCgroups(`${CGROUP}/${name}/kubepods`);
  rmSync(join(BPFFS, `syscribe-${name}`), { recursive: true, force: true });
  unmountBelow(directory);
  rmSync(join(directory, 'containerd', 'state'), { recursive: true });
  const socket = join(directory, 'containerd.sock');
  rmSync(socket, { force: true });
  for (const { name: process, file, args } of stopped) {
    processes.start(process, file, args);
    // A kubelet ends where there is no runtime yet.
    await answering(processes, socket);
  }
}

/** Ends a cluster and takes away all it made, whoever started it. Nothing happens where there is none. */
export async function stopCluster(): Promise<void> {
  if (!existsSync(DIRECTORY)) return;
  const processes = new Processes(DIRECTORY);
  await processes.stop(/kubelet$/);
  try {
    await endPods(processes);
  } finally {
    // A virtual machine ends with the script that started it.
    await (MACHINE === undefined ? processes.kill() : processes.stop());
    if (hasNodes(DIRECTORY)) {
      // What a runtime that was killed has left.
      await killBelow(CGROUP);
      removeCgroups(CGROUP);
      unmountBelow(DIRECTORY);
    }
    restoreHost(DIRECTORY);
    rmSync(DIRECTORY, { recursive: true });
  }
}

/** Ends the nodes' pods by their runtimes, so that shims and networks go too; where those do not run, the shims. */
async function endPods(processes: Processes): Promise<void> {
  for (let number = 1; existsSync(join(DIRECTORY, `node-${number}`)); number++) {
    const name = `node-${number}`;
    if (!processes.alive(`${name}-containerd`)) {
      for (const pid of shimsOf(join(DIRECTORY, name))) process.kill(pid, 'SIGKILL');
      continue;
    }
    const socket = join(DIRECTORY, name, 'containerd.sock');
    if (!existsSync(socket)) continue; // It has just been started.
    using cri = new Cri(`unix://${socket}`);
    const { items = [] } = (await cri.ask('ListPodSandbox', {})) as { items?: { id: string }[] };
    for (const { id } of items) await cri.endPod(id);
  }
}
