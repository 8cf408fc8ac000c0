import { ACTIONS, CONDITIONS, labelSelector } from '../common.ts';
import type { Kind } from '../crd.ts';
import { boolean, int32, listOf, mapOf, object, oneOf, setOf, string } from '../schema.ts';

/** Part of a pod's specification: the API server looks at it when the DaemonSet is made of it. */
function podPart(description: string) {
  return { type: 'object', description, 'x-kubernetes-preserve-unknown-fields': true } as const;
}

function names(description: string) {
  return setOf(description, { type: 'string' });
}

const SELINUX = object('SELinux.', {
  enable: { ...boolean('Whether SELinux profiles are handled; absent: on OpenShift only.'), nullable: true },
  enableRawSelinuxProfiles: { ...boolean('Whether policies in CIL are; absent: where SELinux is.'), nullable: true },
  typeTag: string('The type of our own pods.', { default: 'spc_t' }),
  options: {
    ...object('What profiles may say.', {
      allowedSystemProfiles: setOf('What they may inherit from.', { type: 'string' }, { default: ['container'] }),
      ...Object.fromEntries(
        ['Types', 'Classes', 'Permissions'].flatMap((what) => [
          [`allowed${what}`, names(`${what} that may be named; absent: all.`)],
          [`denied${what}`, names(`${what} that may not be named.`)],
        ]),
      ),
    }),
    default: {},
  },
  customTemplatesConfigMap: string('A ConfigMap with more templates.', {
    maxLength: 253,
    pattern: '^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$',
  }),
});

const ENRICHER = object('The audit stream and the recorders.', {
  enableLogEnricher: boolean('Record from the audit log, and tell what it says with the pod it is of.'),
  enableJsonEnricher: boolean('Write the audit log as JSON.'),
  enableBpfRecorder: boolean('Record by eBPF.'),
  logEnricherFilters: string('Which lines are told: rules in JSON.'),
  jsonEnricherFilters: string('Which records are written: rules in JSON.'),
  logEnricherSource: oneOf(
    'Where the audit log comes from: auditd’s file, or the kernel’s group on nodes without auditd.',
    ['Auditd', 'Bpf', 'Netlink'],
  ),
  jsonEnricherOptions: object('How JSON is written.', {
    auditLogIntervalSeconds: int32('Seconds over which calls become one record.', { minimum: 1, default: 60 }),
    auditLogPath: string('The file; absent: standard output.'),
    auditLogMaxSize: int32('Megabytes after which a new file is begun.', { minimum: 1 }),
    auditLogMaxBackups: int32('Old files that are kept; absent: all.', { minimum: 0 }),
    auditLogMaxAge: int32('Days after which old files are removed; absent: never.', { minimum: 0 }),
  }),
});

const WEBHOOK = object(
  'How a webhook is called.',
  {
    name: string('Which one: binding.spo.io and the like.', { minLength: 1 }),
    failurePolicy: string('Fail or Ignore.'),
    namespaceSelector: labelSelector('In which namespaces.'),
    objectSelector: labelSelector('For which objects.'),
  },
  ['name'],
);

const TOLERATION = object('A taint that is tolerated.', {
  key: string('The taint; absent: all.'),
  operator: string('Exists or Equal.'),
  value: string('Its value.'),
  effect: string('NoSchedule, PreferNoSchedule or NoExecute; absent: all.'),
  tolerationSeconds: { type: 'integer', format: 'int64', description: 'For how long NoExecute is.' },
});

const SECURITY = object('What profiles may say, and who may sign them.', {
  allowedSyscalls: names('Calls that profiles may allow; absent: all.'),
  allowedSeccompActions: listOf('Actions that profiles may take.', { type: 'string', enum: ACTIONS }),
  disableOciArtifactSignatureVerification: boolean('Take base profiles that nobody signed.'),
  allowedIdentityRegexp: string('Who may have signed them.', { default: '.*' }),
  allowedOidcIssuerRegexp: string('Who may have said so.', { default: '.*' }),
});

export const DAEMON = {
  kind: 'SecurityProfilesOperatorDaemon',
  plural: 'securityprofilesoperatordaemons',
  shortNames: ['spod'],
  scope: 'Namespaced',
  description: 'What runs on nodes, and how.',
  columns: [{ name: 'State', type: 'string', jsonPath: '.status.state' }],
  spec: object('The settings.', {
    verbosity: int32('How much is logged.', { minimum: 0 }),
    enableProfiling: boolean('Offer profiles of our own programs.'),
    enableMemoryOptimization: boolean('Look only at pods with the label spo.x-k8s.io/enable-recording=true.'),
    enableInsecureMetricsAccess: boolean('Offer metrics to whoever asks.'),
    enableAppArmor: boolean('Handle AppArmor profiles.'),
    hostProcVolumePath: string('Where /proc of the node is.', { pattern: '^/proc(/.*)?$' }),
    imagePullSecrets: mapOf(
      'Secrets for the registry of the image.',
      'name',
      object('A Secret.', { name: string('Its name.', { default: '' }) }),
    ),
    daemonResourceRequirements: podPart('Resources of the containers.'),
    selinux: SELINUX,
    enricher: ENRICHER,
    webhook: object('The webhooks.', {
      staticConfig: boolean('Leave the webhook configurations alone.'),
      options: mapOf('Changes to them, by name.', 'name', WEBHOOK),
    }),
    scheduling: object('On which nodes.', {
      tolerations: listOf('Taints that are tolerated.', TOLERATION),
      affinity: podPart('Which nodes are liked.'),
      priorityClassName: string('The priority of the pods.', { default: 'system-node-critical' }),
    }),
    security: SECURITY,
  }),
  status: object('How far it is.', {
    conditions: CONDITIONS,
    state: oneOf('What is going on.', ['Pending', 'Creating', 'Updating', 'Running', 'Error']),
  }),
} as const satisfies Kind;
