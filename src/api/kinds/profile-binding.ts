import { ACTIVE_WORKLOADS, labelSelector, WORKLOADS } from '../common.ts';
import type { Kind } from '../crd.ts';
import { object, oneOf, string } from '../schema.ts';

export const PROFILE_BINDING = {
  kind: 'ProfileBinding',
  plural: 'profilebindings',
  scope: 'Namespaced',
  description: 'Which pods get a profile by their image.',
  columns: [],
  spec: object(
    'What gets which profile.',
    {
      profileRef: object(
        'The profile.',
        {
          kind: oneOf('Its kind.', ['SeccompProfile', 'SelinuxProfile', 'AppArmorProfile']),
          name: string('Its name.', { minLength: 1 }),
        },
        ['kind', 'name'],
      ),
      image: string('The image of the containers that get it; * for those that no other binding names.', {
        minLength: 1,
      }),
      podSelector: labelSelector("Which pods; absent: all of the binding's namespace."),
    },
    ['image', 'profileRef'],
  ),
  status: object('Who uses it.', { activeWorkloads: ACTIVE_WORKLOADS, pods: WORKLOADS }),
} as const satisfies Kind;
