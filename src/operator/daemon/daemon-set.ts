import type { Daemon } from '../../api/types.ts';
import type { KubeObject, Resource } from '../../kube/object.ts';
import { enricherContainers } from './enricher-containers.ts';
import { type Enrichers, enrichersOf } from './settings.ts';
import { mount, mountsOf, volumesOf } from './volumes.ts';

type Spec = Daemon['spec'];

/** The agents' DaemonSet, their ServiceAccount and the object that they are made of are called so. */
export const AGENTS = 'spod';
export const DAEMON_SETS: Resource = {
  group: 'apps',
  version: 'v1',
  plural: 'daemonsets',
  kind: 'DaemonSet',
  namespaced: true,
};

/** Of all agents' pods: by these they are found. */
export const AGENT_LABELS = { app: 'security-profiles-operator', name: AGENTS } as const;

/** What the manifest depends on beside the object. */
export interface Environment {
  readonly namespace: string;
  /** The operator's own. */
  readonly image: string;
  readonly imagePullPolicy?: string;
  /** The operator's own, where the object names none. */
  readonly imagePullSecrets?: readonly { readonly name: string }[];
  /** Namespaces that are seen; absent: all. */
  readonly restrictedTo?: readonly string[] | undefined;
  /** kubelet's root directory on the nodes. */
  readonly kubeletDirectory: string;
}

export interface AgentsManifest extends KubeObject {
  readonly spec: object;
}

/** The first port that profiles of the programs are at, as SPO's. */
const PROFILING = 6060;
/** SPO's user and group, and where that keeps profiles. */
const SPO_USER = 65535;
const PROFILES = '/var/lib/security-profiles-operator';
const DEFAULT_RESOURCES = { requests: { cpu: '20m', memory: '110Mi' }, limits: { memory: '256Mi' } };

/** The agents' DaemonSet, in the fields that are the operator's: what others add beside them stays. */
export function agentsManifest(spec: Spec, environment: Environment): AgentsManifest {
  const enrichers = enrichersOf(spec);
  const { namespace } = environment;
  const { scheduling = {} } = spec;
  const imagePullSecrets = spec.imagePullSecrets?.length ? spec.imagePullSecrets : (environment.imagePullSecrets ?? []);
  return {
    metadata: { name: AGENTS, namespace, labels: AGENT_LABELS },
    spec: {
      selector: { matchLabels: AGENT_LABELS },
      updateStrategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: '10%' } },
      template: {
        metadata: { labels: AGENT_LABELS },
        spec: {
          serviceAccountName: AGENTS,
          priorityClassName: scheduling.priorityClassName ?? 'system-node-critical',
          nodeSelector: { 'kubernetes.io/os': 'linux' },
          tolerations: scheduling.tolerations ?? [{ operator: 'Exists' }],
          ...(scheduling.affinity !== undefined && { affinity: scheduling.affinity }),
          ...(imagePullSecrets.length > 0 && { imagePullSecrets }),
          // Processes are named as the host names them, and the host's mount namespace tells a runtime's processes from a
          // container's.
          hostPID: enrichers.bpf || enrichers.log || enrichers.json,
          // The kernel's audit group reaches the host's network namespace alone.
          hostNetwork: enrichers.netlink,
          dnsPolicy: enrichers.netlink ? 'ClusterFirstWithHostNet' : 'ClusterFirst',
          terminationGracePeriodSeconds: 15,
          // The group of SPO's user, to whom SPO has left its directory.
          securityContext: { supplementalGroups: [SPO_USER] },
          initContainers: [openDirectory(environment)],
          containers: [agentContainer(spec, enrichers, environment), ...enricherContainers(spec, environment)],
          volumes: volumesOf(spec, environment.kubeletDirectory),
        },
      },
    },
  };
}

/** As that user: it may let its group write there, and so nobody needs CAP_CHOWN or CAP_DAC_OVERRIDE. */
function openDirectory({ image, imagePullPolicy }: Environment) {
  return {
    name: 'open-directory',
    image,
    ...(imagePullPolicy !== undefined && { imagePullPolicy }),
    args: ['open-directory', PROFILES],
    resources: { requests: { cpu: '20m', memory: '50Mi' }, limits: { memory: '256Mi' } },
    securityContext: {
      runAsUser: SPO_USER,
      runAsGroup: SPO_USER,
      runAsNonRoot: true,
      readOnlyRootFilesystem: true,
      allowPrivilegeEscalation: false,
      capabilities: { drop: ['ALL'] },
    },
    volumeMounts: [mount('profiles', PROFILES)],
  };
}

function agentContainer(spec: Spec, enrichers: Enrichers, environment: Environment) {
  const { image, imagePullPolicy, kubeletDirectory, restrictedTo } = environment;
  const { bpf, log, json, netlink } = enrichers;
  const recorders = [...(bpf ? ['Bpf'] : []), ...(log ? ['Logs'] : [])];
  return {
    name: 'security-profiles-operator',
    image,
    ...(imagePullPolicy !== undefined && { imagePullPolicy }),
    args: [
      'agent',
      ...(recorders.length > 0 ? ['--cgroup-mount=/host/cgroup'] : []),
      // SPO's: whether anything is recorded or told at all.
      `--with-recording=${bpf || log || json}`,
      `--recorders=${recorders.join(',')}`,
      ...(log && netlink ? ['--audit-source=netlink'] : []),
      ...(kubeletDirectory === '/var/lib/kubelet' ? [] : [`--kubelet-dir=${kubeletDirectory}`]),
      ...(spec.enableMemoryOptimization ? ['--with-mem-optim=true'] : []),
      ...(spec.enableInsecureMetricsAccess ? ['--with-insecure-metrics-access=true'] : []),
    ],
    env: [
      { name: 'NODE_NAME', valueFrom: { fieldRef: { fieldPath: 'spec.nodeName' } } },
      { name: 'OPERATOR_NAMESPACE', valueFrom: { fieldRef: { fieldPath: 'metadata.namespace' } } },
      { name: 'SPO_VERBOSITY', value: String(spec.verbosity ?? 0) },
      ...(restrictedTo ? [{ name: 'RESTRICT_TO_NAMESPACE', value: restrictedTo.join(',') }] : []),
      ...(spec.enableProfiling
        ? [
            { name: 'SPO_PROFILING', value: 'true' },
            { name: 'SPO_PROFILING_PORT', value: String(PROFILING) },
          ]
        : []),
    ],
    ports: [
      port('health', 8085, netlink),
      port('http', 9443, netlink),
      ...(spec.enableProfiling ? [port('profiling', PROFILING, netlink)] : []),
    ],
    // Two minutes: a node that starts has other work to do, and an agent that is begun again has to catch up.
    startupProbe: { httpGet: { path: '/livez', port: 'health' }, periodSeconds: 1, failureThreshold: 120 },
    readinessProbe: { httpGet: { path: '/healthz', port: 'health' }, periodSeconds: 5 },
    // A restart makes room on no disk, and whose the records of that time are may not be told any more.
    livenessProbe: { httpGet: { path: '/livez', port: 'health' }, periodSeconds: 10, failureThreshold: 3 },
    resources: spec.daemonResourceRequirements ?? DEFAULT_RESOURCES,
    securityContext: securityContext(spec, [
      ...(recorders.length > 0 ? ['BPF', 'PERFMON', 'SYS_PTRACE'] : []),
      'DAC_READ_SEARCH',
      ...(log && netlink ? AUDIT : []),
    ]),
    volumeMounts: [
      mount('state', '/var/lib/syscribe'),
      mount('bpffs', '/sys/fs/bpf'),
      ...(recorders.length > 0 ? mountsOf(enrichers, '/host/cgroup', log) : []),
      mount('seccomp', `${kubeletDirectory}/seccomp`),
      mount('profiles', PROFILES),
    ],
  };
}

/** AUDIT_CONTROL: to ask how many records the kernel has lost. Nothing is set. */
export const AUDIT = ['AUDIT_READ', 'AUDIT_CONTROL'];

/** @param capabilities docs/security-model.md says what each is for. */
export function securityContext({ selinux }: Spec, capabilities: readonly string[]) {
  return {
    runAsUser: 0,
    runAsGroup: 0,
    readOnlyRootFilesystem: true,
    allowPrivilegeEscalation: false,
    capabilities: { drop: ['ALL'], add: capabilities },
    // Of no effect on nodes without SELinux.
    seLinuxOptions: { type: selinux?.typeTag ?? 'spc_t' },
  };
}

/** In the host's network namespace it is the host's port, which is said: what the API server adds by itself would stay behind it. */
function port(name: string, containerPort: number, onHost: boolean) {
  return { name, containerPort, protocol: 'TCP', ...(onHost && { hostPort: containerPort }) };
}
