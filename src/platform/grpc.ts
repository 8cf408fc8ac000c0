import { readFileSync } from 'node:fs';
import type { MethodDefinition, ServiceDefinition } from '@grpc/grpc-js';
import protobuf from 'protobufjs';

// Numbers of 64 bits come as JavaScript's: what is sent here fits in 53 bits. Absent fields come as their defaults, but for
// `optional` ones and messages.
const PLAIN: protobuf.IConversionOptions = {
  longs: Number,
  enums: String,
  defaults: true,
  arrays: true,
  objects: true,
};

/** Reads a .proto file without imports. @throws SyntaxError for a file that is none. */
export function loadProto(file: URL): protobuf.Root {
  return protobuf.parse(readFileSync(file, 'utf8')).root;
}

/** The service `name` of a file, as gRPC wants it; requests and responses are plain objects with camelCase names. */
export function serviceOf(root: protobuf.Root, name: string): ServiceDefinition {
  const service = root.lookupService(name).resolveAll() as protobuf.Service;
  return Object.fromEntries(service.methodsArray.map((method) => [method.name, define(name, method)]));
}

function define(service: string, method: protobuf.Method): MethodDefinition<object, object> {
  method.resolve();
  const { resolvedRequestType: request, resolvedResponseType: response } = method;
  if (!request || !response) throw new TypeError(`${service}.${method.name} has no types`);
  return {
    path: `/${service}/${method.name}`,
    requestStream: method.requestStream ?? false,
    responseStream: method.responseStream ?? false,
    requestSerialize: encoder(request),
    requestDeserialize: decoder(request),
    responseSerialize: encoder(response),
    responseDeserialize: decoder(response),
  };
}

function encoder(type: protobuf.Type): (value: object) => Buffer {
  return (value) => Buffer.from(type.encode(type.fromObject(value)).finish());
}

function decoder(type: protobuf.Type): (bytes: Buffer) => object {
  return (bytes) => type.toObject(type.decode(bytes), PLAIN);
}
