import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Daemon } from '../../../../src/api/types.ts';
import { agentsManifest } from '../../../../src/operator/daemon/daemon-set.ts';
import { DEFAULT_SPEC } from '../../../../src/operator/daemon/settings.ts';

type Spec = Daemon['spec'];

interface Container {
  readonly name: string;
  readonly image: string;
  readonly imagePullPolicy?: string;
  readonly args: string[];
  readonly env: { readonly name: string; readonly value?: string }[];
  readonly ports: { readonly containerPort: number; readonly hostPort?: number }[];
  readonly resources: object;
  readonly securityContext: { readonly capabilities: { readonly add: string[] }; readonly seLinuxOptions: object };
  readonly volumeMounts: { readonly name: string; readonly mountPath: string }[];
}

interface PodSpec {
  readonly hostPID: boolean;
  readonly hostNetwork: boolean;
  readonly containers: Container[];
  readonly volumes: {
    readonly name: string;
    readonly hostPath?: { readonly path: string };
    readonly emptyDir?: object;
  }[];
  readonly [field: string]: unknown;
}

const ENVIRONMENT = { namespace: 'spo', image: 'registry/syscribe:1', kubeletDirectory: '/var/lib/kubelet' };

function render(spec: Spec, environment: object = {}) {
  const manifest = agentsManifest(spec, { ...ENVIRONMENT, ...environment });
  const { template, updateStrategy } = manifest.spec as {
    template: { spec: PodSpec };
    updateStrategy: { rollingUpdate: object };
  };
  const [agent, ...others] = template.spec.containers as [Container, ...Container[]];
  const volumes = Object.fromEntries(template.spec.volumes.map(({ name, ...rest }) => [name, rest]));
  const env = Object.fromEntries(agent.env.map(({ name, value }) => [name, value]));
  return {
    pod: template.spec,
    agent,
    others,
    volumes,
    env,
    updateStrategy,
    capabilities: agent.securityContext.capabilities.add,
  };
}

const names = (list: readonly { readonly name: string }[]) => list.map(({ name }) => name);
const enricher = (more: NonNullable<Spec['enricher']>): Spec => ({ enricher: more });

test('the object that the operator makes: recorder Bpf on every node, a tenth of them at a time', () => {
  const { pod, agent, others, volumes, capabilities, updateStrategy } = render(DEFAULT_SPEC);
  assert.deepEqual(capabilities, ['BPF', 'PERFMON', 'SYS_PTRACE', 'DAC_READ_SEARCH']);
  assert.deepEqual(agent.args, ['agent', '--cgroup-mount=/host/cgroup', '--with-recording=true', '--recorders=Bpf']);
  assert.deepEqual(updateStrategy.rollingUpdate, { maxUnavailable: '10%' });
  assert.deepEqual([pod.hostPID, pod.hostNetwork, others.length], [true, false, 0]);
  assert.deepEqual([pod.tolerations, pod.priorityClassName], [[{ operator: 'Exists' }], 'system-node-critical']);
  assert.equal(volumes.audit, undefined);
  assert.equal(agent.image, 'registry/syscribe:1');
});

test('without recorders and enrichers, the agent sees nothing of the node but where profiles go, and what it pinned', () => {
  const { pod, agent, capabilities } = render({});
  assert.deepEqual(capabilities, ['DAC_READ_SEARCH']);
  assert.equal(pod.hostPID, false);
  assert.deepEqual(names(pod.volumes), ['state', 'bpffs', 'seccomp', 'profiles']);
  assert.deepEqual(agent.args, ['agent', '--with-recording=false', '--recorders=']);
});

test('the log enricher brings recorder Logs, auditd’s log, and a container that tells what is in it', () => {
  const { agent, others, volumes, capabilities } = render(
    enricher({ enableLogEnricher: true, logEnricherFilters: '[{"level":"None","matchKeys":["$(HOME)"]}]' }),
  );
  assert.ok(agent.args.includes('--with-recording=true') && agent.args.includes('--recorders=Logs'));
  assert.deepEqual(volumes.audit?.hostPath?.path, '/var/log/audit');
  assert.ok(names(agent.volumeMounts).includes('audit'));
  assert.equal(capabilities.includes('AUDIT_READ'), false);
  assert.deepEqual(names(others), ['log-enricher']);
  assert.deepEqual(others[0]?.args, [
    'audit',
    '--output=spo-log',
    '--filter=[{"level":"None","matchKeys":["$$(HOME)"]}]',
    '--node=$(NODE_NAME)',
  ]);
});

test('Netlink: the host’s network, the rights to the kernel’s group, no file; ports are the host’s, as said', () => {
  const { pod, agent, others, volumes, capabilities } = render(
    enricher({ enableLogEnricher: true, logEnricherSource: 'Netlink' }),
  );
  assert.deepEqual([pod.hostNetwork, pod.dnsPolicy], [true, 'ClusterFirstWithHostNet']);
  assert.deepEqual(capabilities.slice(-2), ['AUDIT_READ', 'AUDIT_CONTROL']);
  assert.ok(agent.args.includes('--audit-source=netlink') && others[0]?.args.includes('--source=netlink'));
  assert.equal(volumes.audit, undefined);
  assert.deepEqual(
    agent.ports.map(({ hostPort }) => hostPort),
    [8085, 9443],
  );
  // Of no use to recorder Bpf: it is not given then.
  assert.equal(render(enricher({ enableBpfRecorder: true, logEnricherSource: 'Netlink' })).pod.hostNetwork, false);
});

test('the JSON enricher with its options; a file below /var/log is the node’s, one below /tmp the pod’s', () => {
  const given = (auditLogPath: string) =>
    enricher({
      enableJsonEnricher: true,
      jsonEnricherFilters: '[]',
      jsonEnricherOptions: {
        ...{ auditLogPath, auditLogIntervalSeconds: 5, auditLogMaxSize: 7, auditLogMaxBackups: 3, auditLogMaxAge: 9 },
      },
    });
  const { agent, others, volumes } = render(given('/var/log/spo/audit.json'));
  assert.ok(agent.args.includes('--with-recording=true') && agent.args.includes('--recorders='));
  assert.deepEqual(names(others), ['json-enricher']);
  assert.deepEqual(others[0]?.args, [
    ...['audit', '--output=spo-json', '--interval=5s', '--out-file=/var/log/spo/audit.json'],
    ...['--max-size=7M', '--max-files=3', '--max-age=9d', '--filter=[]', '--node=$(NODE_NAME)'],
  ]);
  assert.equal(volumes['json-enricher-log-output-volume']?.hostPath?.path, '/var/log/spo');
  const inPod = render(given('/tmp/logs/audit.log'));
  assert.deepEqual(inPod.volumes['json-enricher-log-output-volume'], { emptyDir: { sizeLimit: '500Mi' } });
  const out = render(enricher({ enableJsonEnricher: true })).others[0];
  assert.deepEqual(out?.args, ['audit', '--output=spo-json', '--interval=60s', '--node=$(NODE_NAME)']);
});

test('verbosity, profiling, memory optimisation and insecure metrics, as SPO’s DaemonSet has them', () => {
  const plain = render({});
  assert.deepEqual([plain.env.SPO_VERBOSITY, plain.env.SPO_PROFILING], ['0', undefined]);
  const { env, agent } = render({
    ...{ verbosity: 1, enableProfiling: true, enableMemoryOptimization: true, enableInsecureMetricsAccess: true },
  });
  assert.deepEqual([env.SPO_VERBOSITY, env.SPO_PROFILING, env.SPO_PROFILING_PORT], ['1', 'true', '6060']);
  assert.ok(agent.ports.some(({ containerPort }) => containerPort === 6060));
  assert.deepEqual(agent.args.slice(-2), ['--with-mem-optim=true', '--with-insecure-metrics-access=true']);
});

test('scheduling, resources, pull secrets, SELinux’s type and kubelet’s directory', () => {
  const tolerations = [{ key: 'gpu', operator: 'Exists' }];
  const affinity = { nodeAffinity: {} };
  const resources = { limits: { memory: '1Gi' } };
  const { pod, agent, volumes } = render(
    {
      scheduling: { tolerations, affinity, priorityClassName: 'high' },
      imagePullSecrets: [{ name: 'registry' }],
      daemonResourceRequirements: resources,
      selinux: { typeTag: 'own_t' },
    },
    { kubeletDirectory: '/mnt/kubelet', imagePullPolicy: 'Never' },
  );
  assert.deepEqual([pod.tolerations, pod.affinity, pod.priorityClassName], [tolerations, affinity, 'high']);
  assert.deepEqual(pod.imagePullSecrets, [{ name: 'registry' }]);
  assert.deepEqual(agent.resources, resources);
  assert.deepEqual(agent.securityContext.seLinuxOptions, { type: 'own_t' });
  assert.deepEqual(render({}).agent.securityContext.seLinuxOptions, { type: 'spc_t' });
  assert.equal(volumes.seccomp?.hostPath?.path, '/mnt/kubelet/seccomp');
  assert.ok(agent.args.includes('--kubelet-dir=/mnt/kubelet'));
  assert.equal(agent.imagePullPolicy, 'Never');
});

test('SPO’s directory is opened by its own user, who has no right on the node', () => {
  const { pod } = render({}, { imagePullPolicy: 'Never' });
  const [init] = pod.initContainers as (Container & { securityContext: { runAsUser: number } })[];
  assert.deepEqual(init?.args, ['open-directory', '/var/lib/security-profiles-operator']);
  assert.deepEqual([init?.image, init?.imagePullPolicy], ['registry/syscribe:1', 'Never']);
  assert.deepEqual([init?.securityContext.runAsUser, init?.securityContext.capabilities], [65535, { drop: ['ALL'] }]);
  assert.deepEqual(pod.securityContext, { supplementalGroups: [65535] });
});

test('what is set for the operator itself is for the agents too: who may pull, and which namespaces are seen', () => {
  const own = { imagePullSecrets: [{ name: 'own' }], restrictedTo: ['shop', 'spo'] };
  const { pod, env } = render({}, own);
  assert.deepEqual([pod.imagePullSecrets, env.RESTRICT_TO_NAMESPACE], [[{ name: 'own' }], 'shop,spo']);
  const named = render({ imagePullSecrets: [{ name: 'named' }] }, own);
  assert.deepEqual(named.pod.imagePullSecrets, [{ name: 'named' }]);
  assert.equal(render({}).env.RESTRICT_TO_NAMESPACE, undefined);
});
