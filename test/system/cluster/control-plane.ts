import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Authority, Certificate } from './certificates.ts';
import type { Processes } from './processes.ts';

/**
 * An address of the machine's own loopback device: the service address of the API server is its real one, so that pods
 * reach it without kube-proxy.
 */
export const API_ADDRESS = '10.96.0.1';
const SERVER = `https://${API_ADDRESS}:443`;
const ETCD = `https://${API_ADDRESS}:2379`;

/** What service account tokens are signed with. */
type Accounts = ReturnType<Authority['keyPair']>;

/** What all parts of a cluster are started from. */
export interface Parts {
  readonly directory: string;
  /** Where Kubernetes' programs are. */
  readonly programs: string;
  readonly authority: Authority;
  readonly processes: Processes;
  /** Whether the API server writes down who asked for what: {@link auditLogOf}. */
  readonly audit?: boolean;
  /** Whether its nodes are objects alone: nobody holds them lost since no kubelet tells of them, or makes pods for them. */
  readonly simulated?: boolean;
}

/** Where each request to the API server has a line, without its body. */
export function auditLogOf(directory: string): string {
  return join(directory, 'audit.jsonl');
}

/** Writes a kubeconfig for whom the certificate is of. */
export function writeKubeconfig(file: string, authority: Authority, { key, certificate }: Certificate): void {
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'syscribe', cluster: { server: SERVER, 'certificate-authority': authority.own.certificate } }],
    users: [{ name: 'user', user: { 'client-certificate': certificate, 'client-key': key } }],
    contexts: [{ name: 'syscribe', context: { cluster: 'syscribe', user: 'user' } }],
    'current-context': 'syscribe',
  };
  writeFileSync(file, JSON.stringify(config, undefined, 2), { mode: 0o600 });
}

/** Writes a kubeconfig for whom the token is of: the administrator's address and authority, without his certificate. */
export function writeTokenKubeconfig(file: string, administrator: string, token: string): void {
  const config = JSON.parse(readFileSync(administrator, 'utf8'));
  writeFileSync(file, JSON.stringify({ ...config, users: [{ name: 'user', user: { token } }] }), { mode: 0o600 });
}

/** Starts etcd and the API server; returns the administrator's kubeconfig. */
export function startServers(parts: Parts, accounts: Accounts): string {
  const { directory, authority } = parts;
  startEtcd(parts);
  startApiServer(parts, accounts);
  const kubeconfig = join(directory, 'kubeconfig');
  const admin = authority.issue({ name: 'admin', commonName: 'admin', organization: 'system:masters' });
  writeKubeconfig(kubeconfig, authority, admin);
  return kubeconfig;
}

/** Starts what needs an API server that answers: the first of them ends where there is none within seconds. */
export function startControllers(parts: Parts, accounts: Accounts): void {
  startController(parts, 'kube-controller-manager', [
    `--root-ca-file=${parts.authority.own.certificate}`,
    `--service-account-private-key-file=${accounts.key}`,
    '--use-service-account-credentials=true',
    ...(parts.simulated ? ['--controllers=*,-node-lifecycle-controller,-daemonset-controller'] : []),
  ]);
  startController(parts, 'kube-scheduler', []);
}

/**
 * Not the etcd of a distribution: before 3.4.25 and 3.5.8, reads over TLS starve the watches that share their connection
 * (etcd-io/etcd#15402), and a cluster stands still.
 */
function startEtcd({ directory, programs, authority, processes }: Parts): void {
  const { key, certificate } = authority.issue({ name: 'etcd', commonName: 'etcd', addresses: [`IP:${API_ADDRESS}`] });
  const data = join(directory, 'etcd');
  mkdirSync(data, { mode: 0o700 });
  processes.start('etcd', join(programs, 'etcd'), [
    `--data-dir=${data}`,
    `--listen-client-urls=${ETCD}`,
    `--advertise-client-urls=${ETCD}`,
    `--listen-peer-urls=http://${API_ADDRESS}:2380`,
    '--client-cert-auth',
    `--trusted-ca-file=${authority.own.certificate}`,
    `--cert-file=${certificate}`,
    `--key-file=${key}`,
    '--unsafe-no-fsync',
  ]);
}

function startApiServer({ directory, programs, authority, processes, audit = false }: Parts, accounts: Accounts): void {
  const addresses = [`IP:${API_ADDRESS}`, 'DNS:kubernetes.default.svc', 'DNS:kubernetes.default', 'DNS:kubernetes'];
  const server = authority.issue({ name: 'apiserver', commonName: 'kube-apiserver', addresses });
  const client = authority.issue({
    name: 'apiserver-client',
    commonName: 'kube-apiserver-client',
    organization: 'system:masters',
  });
  processes.start('kube-apiserver', join(programs, 'kube-apiserver'), [
    `--etcd-servers=${ETCD}`,
    `--etcd-cafile=${authority.own.certificate}`,
    `--etcd-certfile=${client.certificate}`,
    `--etcd-keyfile=${client.key}`,
    `--bind-address=${API_ADDRESS}`,
    '--secure-port=443',
    `--advertise-address=${API_ADDRESS}`,
    '--service-cluster-ip-range=10.96.0.0/24',
    `--client-ca-file=${authority.own.certificate}`,
    `--tls-cert-file=${server.certificate}`,
    `--tls-private-key-file=${server.key}`,
    `--kubelet-certificate-authority=${authority.own.certificate}`,
    `--kubelet-client-certificate=${client.certificate}`,
    `--kubelet-client-key=${client.key}`,
    '--service-account-issuer=https://kubernetes.default.svc',
    `--service-account-key-file=${accounts.publicKey}`,
    `--service-account-signing-key-file=${accounts.key}`,
    '--kubelet-preferred-address-types=InternalIP',
    '--authorization-mode=Node,RBAC',
    '--enable-admission-plugins=NodeRestriction',
    // Webhooks are called at their pods' addresses: nobody translates service addresses here.
    '--enable-aggregator-routing=true',
    '--allow-privileged=true',
    ...(audit ? auditFlags(directory) : []),
  ]);
}

function auditFlags(directory: string): string[] {
  const file = join(directory, 'audit-policy.json');
  const rules = [{ level: 'Metadata' }];
  const policy = { apiVersion: 'audit.k8s.io/v1', kind: 'Policy', omitStages: ['RequestReceived'], rules };
  writeFileSync(file, JSON.stringify(policy));
  // One file however long, and each line in it before its request is answered.
  return [`--audit-policy-file=${file}`, `--audit-log-path=${auditLogOf(directory)}`, '--audit-log-maxsize=100000'];
}

function startController(parts: Parts, name: string, args: readonly string[]): void {
  const { directory, programs, authority, processes } = parts;
  const kubeconfig = join(directory, `${name}.kubeconfig`);
  writeKubeconfig(kubeconfig, authority, authority.issue({ name, commonName: `system:${name}` }));
  processes.start(name, join(programs, name), [
    `--kubeconfig=${kubeconfig}`,
    `--bind-address=${API_ADDRESS}`,
    '--leader-elect=false',
    ...args,
  ]);
}
