import { GROUP } from '../../api/crd.ts';
import { CONVERTED_KINDS } from '../../api/kinds.ts';
import type { KubeClient } from '../../kube/client.ts';
import { isKube } from '../../kube/errors.ts';
import type { Log } from '../../kube/log.ts';
import type { KubeObject, Resource } from '../../kube/object.ts';
import { Informer } from '../../kube/reflector.ts';
import type { Trust, TrustingObject, TrustStore } from '../certificates/bundle.ts';

type Kind = TrustingObject['kind'];

const RESOURCES: Readonly<Record<Kind, Resource>> = {
  MutatingWebhookConfiguration: admission('mutatingwebhookconfigurations', 'MutatingWebhookConfiguration'),
  ValidatingWebhookConfiguration: admission('validatingwebhookconfigurations', 'ValidatingWebhookConfiguration'),
  CustomResourceDefinition: {
    group: 'apiextensions.k8s.io',
    version: 'v1',
    plural: 'customresourcedefinitions',
    kind: 'CustomResourceDefinition',
    namespaced: false,
  },
};

function admission(plural: string, kind: string): Resource {
  return { group: 'admissionregistration.k8s.io', version: 'v1', plural, kind, namespaced: false };
}

/** Everything that calls the webhooks: SPO's configurations, and the definitions of kinds for their conversion. */
export const TRUSTING_OBJECTS: readonly TrustingObject[] = [
  { kind: 'MutatingWebhookConfiguration', name: 'spo-mutating-webhook-configuration' },
  { kind: 'ValidatingWebhookConfiguration', name: 'spo-validating-webhook-configuration' },
  ...CONVERTED_KINDS.map(({ plural }) => ({ kind: 'CustomResourceDefinition', name: `${plural}.${GROUP}` }) as const),
];

interface ClientConfig {
  readonly caBundle?: string;
}

interface TrustingKubeObject extends KubeObject {
  readonly webhooks?: readonly { readonly clientConfig: ClientConfig }[];
  readonly spec?: { readonly conversion?: { readonly webhook?: { readonly clientConfig?: ClientConfig } } };
}

const CONVERSION = '/spec/conversion/webhook/clientConfig/caBundle';

/** Where each object has its `caBundle`s. */
function pathsOf({ webhooks, spec }: TrustingKubeObject): { path: string; bundle: string | undefined }[] {
  const conversion = spec?.conversion?.webhook?.clientConfig;
  return [
    ...(webhooks ?? []).map(({ clientConfig }, index) => ({
      path: `/webhooks/${index}/clientConfig/caBundle`,
      bundle: clientConfig.caBundle,
    })),
    ...(conversion ? [{ path: CONVERSION, bundle: conversion.caBundle }] : []),
  ];
}

/** The configuration that may be made anew at any time, and calls nobody until it has its `caBundle`s. */
export function watchConfiguration(
  client: Pick<KubeClient, 'pages' | 'watch' | 'onReturn'>,
  log: Log,
): Informer<TrustingKubeObject> {
  const resource = RESOURCES.MutatingWebhookConfiguration;
  const fieldSelector = 'metadata.name=spo-mutating-webhook-configuration';
  return new Informer<TrustingKubeObject>({ client, resource, log }, { fieldSelector });
}

export function isTrusting(object: TrustingKubeObject): boolean {
  return pathsOf(object).every(({ bundle }) => Boolean(bundle));
}

export function trustStore(client: Pick<KubeClient, 'get' | 'patch'>): TrustStore {
  const get = (kind: Kind, name: string) => client.get<TrustingKubeObject>(RESOURCES[kind], { name });
  return {
    async read({ kind, name }): Promise<Trust | undefined> {
      try {
        const object = await get(kind, name);
        return {
          bundles: pathsOf(object).map(({ bundle }) => bundle),
          annotations: object.metadata.annotations ?? {},
        };
      } catch (error) {
        if (isKube(error, 'notFound')) return undefined;
        throw error;
      }
    },
    async patchCaBundle(kind, name, bundle) {
      const object = await get(kind, name);
      // Of the version that was read: places in a list are meant.
      const test = { op: 'test', path: '/metadata/resourceVersion', value: object.metadata.resourceVersion };
      const writes = pathsOf(object).map(({ path }) => ({ op: 'add', path, value: bundle }));
      await client.patch(RESOURCES[kind], { name }, [test, ...writes], { type: 'json' });
    },
    async removeAnnotation(kind, name, annotation) {
      const merge = { metadata: { annotations: { [annotation]: null } } };
      await client.patch(RESOURCES[kind], { name }, merge, { type: 'merge' });
    },
  };
}
