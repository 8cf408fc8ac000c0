import type { KubeClient } from '../../kube/client.ts';
import { isKube } from '../../kube/errors.ts';
import type { KubeObject } from '../../kube/object.ts';
import { DAEMON_SETS } from './daemon-set.ts';

const DEPLOYMENTS = { ...DAEMON_SETS, plural: 'deployments', kind: 'Deployment' };

export interface OperatorImage {
  readonly image: string;
  readonly imagePullPolicy?: string;
  readonly imagePullSecrets?: readonly { readonly name: string }[];
}

interface Deployment extends KubeObject {
  readonly spec: {
    readonly template: {
      readonly spec: Pick<OperatorImage, 'imagePullSecrets'> & {
        readonly containers: readonly Pick<OperatorImage, 'image' | 'imagePullPolicy'>[];
      };
    };
  };
}

/** What the operator itself runs from: agents are of the same version. @returns undefined where it is not there. */
export async function operatorImage(
  client: Pick<KubeClient, 'get'>,
  namespace: string,
  signal: AbortSignal,
): Promise<OperatorImage | undefined> {
  try {
    const reference = { namespace, name: 'security-profiles-operator' };
    const { spec } = await client.get<Deployment>(DEPLOYMENTS, reference, { signal });
    const { containers, imagePullSecrets } = spec.template.spec;
    const { image, imagePullPolicy } = containers[0] as OperatorImage;
    return {
      image,
      ...(imagePullPolicy !== undefined && { imagePullPolicy }),
      ...(imagePullSecrets && { imagePullSecrets }),
    };
  } catch (error) {
    if (isKube(error, 'notFound')) return undefined;
    throw error;
  }
}
