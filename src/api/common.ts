import { mapOf, object, oneOf, type Schema, setOf, string } from './schema.ts';

/** What becomes of a profile on nodes. */
const STATUSES = ['Partial', 'Disabled', 'Pending', 'InProgress', 'Installed', 'Terminating', 'Error'] as const;

/** SCMP_ACT_*: seccomp's actions as the OCI runtime specification names them. */
export const ACTIONS = ['KILL', 'KILL_PROCESS', 'KILL_THREAD', 'TRAP', 'ERRNO', 'TRACE', 'ALLOW', 'LOG', 'NOTIFY'].map(
  (name) => `SCMP_ACT_${name}`,
);

/** `metav1.Condition`, by type. */
export const CONDITIONS: Schema = mapOf(
  'What is known of the object, by type.',
  'type',
  object(
    'One aspect of the state.',
    {
      type: string('Which aspect, in CamelCase.', { maxLength: 316 }),
      status: oneOf('Whether it holds.', ['True', 'False', 'Unknown']),
      reason: string('Why, in one CamelCase word.', { minLength: 1, maxLength: 1024 }),
      message: string('Why, for people; may be empty.', { maxLength: 32_768 }),
      lastTransitionTime: string('When the status changed last.', { format: 'date-time' }),
      observedGeneration: { type: 'integer', format: 'int64', minimum: 0, description: 'The generation it is about.' },
    },
    ['lastTransitionTime', 'message', 'reason', 'status', 'type'],
  ),
);

/** Of every profile: whether it goes to nodes. */
export const STATE: Schema = oneOf('Whether nodes get the profile.', ['Enabled', 'Disabled'], { default: 'Enabled' });

/** Of every profile's status. */
export const PROFILE_STATUS = {
  conditions: CONDITIONS,
  status: oneOf('What has become of the profile on the nodes.', STATUSES),
} as const;

/** Pods that use a profile, or are recorded. */
export const ACTIVE_WORKLOADS: Schema = setOf('Pods that use it now.', string('NAMESPACE/POD.'));

/** `metav1.LabelSelector`. */
export function labelSelector(description: string): Schema {
  const values = { type: 'array', items: { type: 'string' }, 'x-kubernetes-list-type': 'atomic' } as const;
  const expression = object(
    'A condition on a label.',
    {
      key: string('The label.'),
      operator: string('In, NotIn, Exists or DoesNotExist.'),
      values: { ...values, description: 'For In and NotIn.' },
    },
    ['key', 'operator'],
  );
  return {
    ...object(description, {
      matchExpressions: {
        description: 'Conditions that all must hold.',
        type: 'array',
        items: expression,
        'x-kubernetes-list-type': 'atomic',
      },
      matchLabels: {
        description: 'Labels with these values.',
        type: 'object',
        additionalProperties: { type: 'string' },
      },
    }),
    'x-kubernetes-map-type': 'atomic',
  };
}
