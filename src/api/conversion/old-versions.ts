import type { Schema } from '../schema.ts';
import { NODE_STATUS_AT_TOP } from './node-status.ts';
import { added, alsoCalled, flag, moved, renamed, type Step } from './steps.ts';

/** The version of a kind that is served beside v1, and how it differs: by SPO's 1.0 and by what was said before that. */
export interface OldVersion {
  readonly version: string;
  readonly steps: readonly Step[];
}

const DISABLED = flag('spec.disabled', 'spec.state', 'Disabled');

const DAEMON_MOVED: Readonly<Record<string, readonly string[]>> = {
  selinux: ['enableSelinux:enable', 'enableRawSelinuxProfiles', 'selinuxTypeTag:typeTag', 'selinuxOptions:options'],
  enricher: [
    'enableLogEnricher',
    'enableJsonEnricher',
    'enableBpfRecorder',
    'logEnricherFilters',
    'jsonEnricherFilters',
    'logEnricherSource',
    'jsonEnricherOptions',
  ],
  webhook: ['staticWebhookConfig:staticConfig', 'webhookOptions:options'],
  scheduling: ['tolerations', 'affinity', 'priorityClassName'],
  security: ['allowedSyscalls', 'allowedSeccompActions', 'disableOciArtifactSignatureVerification'],
};

const DAEMON_STATES = Object.fromEntries(
  ['Pending', 'Creating', 'Updating', 'Running', 'Error'].map((state) => [state.toUpperCase(), state]),
);

const DAEMON: readonly Step[] = [
  ...['Types', 'Classes', 'Permissions'].flatMap((what) => [
    added(`spec.selinux.options.allowed${what}`),
    added(`spec.selinux.options.denied${what}`),
  ]),
  added('spec.security.allowedIdentityRegexp', '.*'),
  added('spec.security.allowedOidcIssuerRegexp', '.*'),
  renamed('spec.enricher.logEnricherSource', { auditd: 'Auditd', bpf: 'Bpf' }, 'Auditd'),
  renamed('status.state', DAEMON_STATES, 'Pending'),
  ...Object.entries(DAEMON_MOVED).flatMap(([group, fields]) =>
    fields.map((field) => {
      const [old, now = old] = field.split(':');
      return moved(`spec.${old}`, `spec.${group}.${now}`);
    }),
  ),
];

/**
 * By kind. The schema is made from v1's by the steps in this order, an object becomes v1's by them in the opposite one: a
 * field is moved before its words are read.
 */
export const OLD_VERSIONS: ReadonlyMap<string, OldVersion> = new Map([
  ['SeccompProfile', { version: 'v1beta1', steps: [DISABLED] }],
  ['SelinuxProfile', { version: 'v1alpha2', steps: [DISABLED, flag('spec.permissive', 'spec.mode', 'Permissive')] }],
  ['RawSelinuxProfile', { version: 'v1alpha2', steps: [DISABLED] }],
  ['AppArmorProfile', { version: 'v1alpha1', steps: [DISABLED, flag('spec.complainMode', 'spec.mode', 'Complain')] }],
  [
    'ProfileRecording',
    {
      version: 'v1alpha1',
      steps: [
        alsoCalled('spec.kind', 'ApparmorProfile', 'AppArmorProfile'),
        renamed('spec.recorder', { logs: 'Logs', bpf: 'Bpf' }, 'Logs'),
        renamed('spec.mergeStrategy', { none: 'None', containers: 'Containers' }, 'None'),
        added('spec.snapshotInterval', '30s'),
      ],
    },
  ],
  [
    'ProfileBinding',
    {
      version: 'v1alpha1',
      steps: [alsoCalled('spec.profileRef.kind', 'ApparmorProfile', 'AppArmorProfile'), added('spec.podSelector')],
    },
  ],
  ['SecurityProfileNodeStatus', { version: 'v1alpha1', steps: [NODE_STATUS_AT_TOP] }],
  ['SecurityProfilesOperatorDaemon', { version: 'v1alpha1', steps: DAEMON }],
]);

/** The schema of the whole object in the old version. */
export function oldSchema(v1: Schema, { steps }: OldVersion): Schema {
  return steps.reduce((schema, step) => step.schema(schema), v1);
}
