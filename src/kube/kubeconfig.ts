import { existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { newClusters, newContexts, newUsers, type User } from '@kubernetes/client-node/dist/config_types.js';
import { parse } from 'yaml';
import { SyscribeError } from '../platform/errors.ts';

/** Where the kubelet puts a pod's token, the cluster's authority and the namespace. */
const SERVICE_ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount';

/** Bytes that stand in a kubeconfig, or in a file that is looked at again as it may be replaced. */
export type Material = { readonly file: string } | { readonly data: string };

/** How to reach a cluster, and as whom. */
export interface Target {
  readonly server: string;
  readonly namespace: string;
  readonly ca?: Material | undefined;
  readonly certificate?: Material | undefined;
  readonly key?: Material | undefined;
  readonly token?: Material | undefined;
  readonly serverName?: string | undefined;
  readonly proxy?: string | undefined;
  readonly insecure: boolean;
  /** Sent with every request as they are. */
  readonly headers: Readonly<Record<string, string | string[]>>;
  /** For a plugin or an identity provider; its token then comes from there. */
  readonly user?: User | undefined;
}

export interface Choice {
  /** A file; otherwise the service account's where the program runs in a pod, then `~/.kube/config`. */
  readonly kubeconfig?: string | undefined;
  readonly context?: string | undefined;
}

/** What of the machine is looked at. */
export interface Surroundings {
  readonly env?: NodeJS.ProcessEnv;
  readonly serviceAccount?: string;
}

/** @throws SyscribeError ERR_KUBE_CONFIG */
export function chooseTarget(
  { kubeconfig, context }: Choice,
  { env = process.env, serviceAccount = SERVICE_ACCOUNT }: Surroundings = {},
): Target {
  const files = kubeconfig === undefined ? (env.KUBECONFIG ?? '').split(':').filter(Boolean) : [kubeconfig];
  if (files.length === 0) {
    const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port = '443' } = env;
    if (host && existsSync(join(serviceAccount, 'token'))) return inCluster(serviceAccount, host, port);
    files.push(join(env.HOME ?? homedir(), '.kube', 'config'));
  }
  return fromFiles(files, context);
}

function inCluster(directory: string, host: string, port: string): Target {
  return {
    server: `https://${host.includes(':') ? `[${host}]` : host}:${port}`,
    namespace: read(join(directory, 'namespace')).trim(),
    ca: { file: join(directory, 'ca.crt') },
    token: { file: join(directory, 'token') },
    insecure: false,
    headers: {},
  };
}

/** What the kubeconfig package keeps of an entry, and the file and fields it came from: it leaves some of them out. */
interface Source {
  readonly directory: string;
  readonly raw: { readonly users?: readonly { readonly name: string; readonly user?: RawUser }[] };
}

interface RawUser {
  readonly tokenFile?: string;
  readonly 'as-groups'?: string[];
  readonly 'as-uid'?: string;
}

/** As kubectl merges them: of several entries of one name the first counts. */
function fromFiles(files: readonly string[], wanted: string | undefined): Target {
  const all = files.map((file) => load(file));
  const contextName = wanted ?? all.find(({ current }) => current)?.current;
  const context = find(all, 'contexts', contextName).entry;
  const { entry: cluster, source: ofCluster } = find(all, 'clusters', context.cluster);
  const { entry: user, source: ofUser } = find(all, 'users', context.user);
  const { tokenFile, ...raw } = ofUser.raw.users?.find(({ name }) => name === user.name)?.user ?? {};
  return {
    server: cluster.server,
    namespace: context.namespace ?? 'default',
    ca: material(ofCluster, cluster.caFile, cluster.caData),
    certificate: material(ofUser, user.certFile, user.certData),
    key: material(ofUser, user.keyFile, user.keyData),
    token: material(ofUser, tokenFile, user.token && Buffer.from(user.token).toString('base64')),
    serverName: cluster.tlsServerName,
    proxy: cluster.proxyUrl,
    insecure: cluster.skipTLSVerify,
    headers: {
      ...(user.username && { Authorization: `Basic ${btoa(`${user.username}:${user.password ?? ''}`)}` }),
      ...(user.impersonateUser && { 'Impersonate-User': user.impersonateUser }),
      ...(raw['as-groups'] && { 'Impersonate-Group': raw['as-groups'] }),
      ...(raw['as-uid'] && { 'Impersonate-Uid': raw['as-uid'] }),
    },
    user: user.exec ? { ...user, exec: informed(user.exec) } : user.authProvider ? user : undefined,
  };
}

/** What kubectl tells a plugin, and some insist on. */
function informed(exec: { readonly apiVersion?: string; readonly env?: readonly object[] }): object {
  const value = JSON.stringify({ kind: 'ExecCredential', apiVersion: exec.apiVersion, spec: { interactive: false } });
  return { ...exec, env: [...(exec.env ?? []), { name: 'KUBERNETES_EXEC_INFO', value }] };
}

function load(file: string) {
  try {
    const raw = parse(read(file)) ?? {};
    return {
      source: { directory: dirname(resolve(file)), raw } satisfies Source,
      current: raw['current-context'] as string | undefined,
      clusters: newClusters(raw.clusters),
      contexts: newContexts(raw.contexts),
      users: newUsers(raw.users),
    };
  } catch (cause) {
    if (cause instanceof SyscribeError) throw cause;
    throw failure(`${file} is no kubeconfig`, cause);
  }
}

type Loaded = ReturnType<typeof load>;

function find<K extends 'clusters' | 'contexts' | 'users'>(all: readonly Loaded[], kind: K, name: string | undefined) {
  for (const loaded of all) {
    const entry = loaded[kind].find((candidate) => candidate.name === name);
    if (entry) return { entry: entry as Loaded[K][number], source: loaded.source as Source };
  }
  const there = all.flatMap((loaded) => loaded[kind].map((candidate) => candidate.name));
  throw failure(`the kubeconfig has no ${name ?? 'current'} among its ${kind}: ${there.join(', ') || 'none'}`);
}

function material(
  { directory }: Source,
  file: string | null | undefined,
  data: string | null | undefined,
): Material | undefined {
  // Data wins over a file, as in kubectl.
  if (data) return { data };
  return file ? { file: resolve(directory, file) } : undefined;
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw failure(`cannot read ${file}`, cause);
  }
}

function failure(message: string, cause?: unknown): SyscribeError {
  return new SyscribeError('ERR_KUBE_CONFIG', message, {
    cause,
    remedy: 'Name a kubeconfig and one of its contexts (kubectl config get-contexts), or run it in a pod.',
  });
}
