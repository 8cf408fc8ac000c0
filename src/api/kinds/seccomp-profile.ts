import { ACTIONS, ACTIVE_WORKLOADS, PROFILE_STATUS, STATE, WORKLOADS } from '../common.ts';
import { AGE, type Kind } from '../crd.ts';
import { int32, int64, listOf, object, oneOf, prefixed, setOf, string } from '../schema.ts';
import { ENFORCED, ROLLOUT, ROLLOUT_STATUS } from './rollout.ts';

const ARCHITECTURES = prefixed('SCMP_ARCH_', [
  'NATIVE',
  'X86',
  'X86_64',
  'X32',
  'ARM',
  'AARCH64',
  'MIPS',
  'MIPS64',
  'MIPS64N32',
  'MIPSEL',
  'MIPSEL64',
  'MIPSEL64N32',
  'PPC',
  'PPC64',
  'PPC64LE',
  'S390',
  'S390X',
  'PARISC',
  'PARISC64',
  'RISCV64',
]);
const FLAGS = prefixed('SECCOMP_FILTER_FLAG_', ['TSYNC', 'LOG', 'SPEC_ALLOW', 'WAIT_KILLABLE_RECV']);
const COMPARISONS = prefixed('SCMP_CMP_', ['NE', 'LT', 'LE', 'EQ', 'GE', 'GT', 'MASKED_EQ']);

const ARGUMENT = object(
  'A condition on an argument of the call.',
  {
    index: int32('Which argument, from 0.', { minimum: 0 }),
    op: oneOf('How it is compared.', COMPARISONS),
    value: int64('With what; the mask of SCMP_CMP_MASKED_EQ.', { minimum: 0 }),
    valueTwo: int64('What the masked argument must be.', { minimum: 0 }),
  },
  ['index', 'op'],
);

const SYSCALLS = object(
  'What happens to some calls.',
  {
    names: setOf('Names of system calls.', { type: 'string' }, { minItems: 1 }),
    action: oneOf('What happens to them.', ACTIONS),
    errnoRet: int32('The error that SCMP_ACT_ERRNO returns; 0 is EPERM.', { minimum: 0 }),
    args: listOf('All must hold.', ARGUMENT, { maxItems: 6 }),
  },
  ['action', 'names'],
);

export const SECCOMP_PROFILE = {
  kind: 'SeccompProfile',
  plural: 'seccompprofiles',
  shortNames: ['sp'],
  scope: 'Cluster',
  description: 'Which system calls a container may make.',
  specRequired: true,
  columns: [
    { name: 'Status', type: 'string', jsonPath: '.status.status' },
    AGE,
    { name: 'Rollout', type: 'string', priority: 10, jsonPath: '.status.rollout.mode' },
    { name: 'Clean', type: 'string', priority: 10, jsonPath: '.status.conditions[?(@.type=="Clean")].status' },
    { name: 'LocalhostProfile', type: 'string', priority: 10, jsonPath: '.status.localhostProfile' },
  ],
  spec: object(
    'The profile, as the OCI runtime specification has it.',
    {
      state: STATE,
      baseProfileName: string('A profile whose calls are added, or oci:// and an artifact.'),
      defaultAction: oneOf('What happens to calls that are not listed.', ACTIONS),
      architectures: setOf('Where the profile holds.', { type: 'string', enum: ARCHITECTURES }),
      listenerPath: string('The socket of the agent of SCMP_ACT_NOTIFY.', {
        pattern: '^/var/run/security-profiles-operator/[a-zA-Z0-9_\\-\\.]+$',
      }),
      listenerMetadata: string('Given to that agent as it is.'),
      flags: setOf('Flags of seccomp(2).', { type: 'string', enum: FLAGS }),
      syscalls: listOf('Calls that are treated otherwise.', SYSCALLS),
      rollout: ROLLOUT,
    },
    ['defaultAction'],
  ),
  status: object('What nodes have made of it.', {
    ...PROFILE_STATUS,
    path: string('Not used.'),
    localhostProfile: string('What securityContext.seccompProfile.localhostProfile has to say.'),
    activeWorkloads: ACTIVE_WORKLOADS,
    pods: WORKLOADS,
    rollout: ROLLOUT_STATUS,
    enforced: ENFORCED,
  }),
} as const satisfies Kind;
