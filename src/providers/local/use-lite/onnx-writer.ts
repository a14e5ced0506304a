import { bytesField, floatField, integerField, messageField } from './protobuf.ts';

const IR_VERSION = 8;
const OPSET_VERSION = 17;
const FLOAT = 1;
const INT64 = 7;

type Attribute = number | readonly number[] | { readonly float: number };

function attribute(name: string, value: Attribute): Buffer {
  const ATTRIBUTE = { name: 1, float: 2, int: 3, ints: 8, type: 20 };
  const fields = [bytesField(ATTRIBUTE.name, name)];
  if (typeof value === 'number') {
    fields.push(integerField(ATTRIBUTE.int, value), integerField(ATTRIBUTE.type, 2));
  } else if ('float' in value) {
    fields.push(floatField(ATTRIBUTE.float, value.float), integerField(ATTRIBUTE.type, 1));
  } else {
    fields.push(...value.map((entry) => integerField(ATTRIBUTE.ints, entry)), integerField(ATTRIBUTE.type, 7));
  }
  return Buffer.concat(fields);
}

function describeTensor(name: string, elementType: number, shape: readonly (string | number)[]): Buffer[] {
  const dimensions = shape.map((size) =>
    messageField(1, [typeof size === 'number' ? integerField(1, size) : bytesField(2, size)]),
  );
  const tensorType = messageField(1, [integerField(1, elementType), messageField(2, dimensions)]);
  return [bytesField(1, name), messageField(2, [tensorType])];
}

/**
 * Collects an ONNX graph. Field numbers are those of
 * https://github.com/onnx/onnx/blob/main/onnx/onnx.proto. Every method gives the name of the value it made.
 */
export class OnnxGraphWriter {
  readonly #nodes: Buffer[] = [];
  readonly #initializers: Buffer[] = [];
  readonly #boundary: Buffer[] = [];

  input(name: string, elementType: 'float' | 'int64', shape: readonly (string | number)[]): string {
    this.#boundary.push(messageField(11, describeTensor(name, elementType === 'float' ? FLOAT : INT64, shape)));
    return name;
  }

  output(name: string, shape: readonly (string | number)[]): void {
    this.#boundary.push(messageField(12, describeTensor(name, FLOAT, shape)));
  }

  floats(name: string, shape: readonly number[], values: Float32Array): string {
    const size = shape.reduce((product, length) => product * length, 1);
    if (size !== values.length) throw new Error(`${name}: ${values.length} numbers do not fill ${shape.join(' x ')}`);
    return this.#initializer(name, shape, FLOAT, values);
  }

  integers(name: string, values: readonly number[]): string {
    return this.#initializer(name, [values.length], INT64, BigInt64Array.from(values, BigInt));
  }

  node(
    operator: string,
    inputs: readonly string[],
    output: string,
    attributes: Record<string, Attribute> = {},
  ): string {
    this.nodeWithOutputs(operator, inputs, [output], attributes);
    return output;
  }

  nodeWithOutputs(
    operator: string,
    inputs: readonly string[],
    outputs: readonly string[],
    attributes: Record<string, Attribute> = {},
  ): void {
    const NODE = { input: 1, output: 2, name: 3, operator: 4, attribute: 5 };
    const fields = [
      ...inputs.map((input) => bytesField(NODE.input, input)),
      ...outputs.map((output) => bytesField(NODE.output, output)),
      bytesField(NODE.name, `${outputs[0]}/${operator}`),
      bytesField(NODE.operator, operator),
      ...Object.entries(attributes).map(([name, value]) => bytesField(NODE.attribute, attribute(name, value))),
    ];
    this.#nodes.push(messageField(1, fields));
  }

  /** The finished file. */
  model(graphName: string): Buffer {
    const graph = [...this.#nodes, bytesField(2, graphName), ...this.#initializers, ...this.#boundary];
    return Buffer.concat([
      integerField(1, IR_VERSION),
      bytesField(2, 'signalbox'),
      messageField(7, graph),
      messageField(8, [bytesField(1, ''), integerField(2, OPSET_VERSION)]),
    ]);
  }

  #initializer(name: string, shape: readonly number[], type: number, values: Float32Array | BigInt64Array): string {
    const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    const TENSOR = { dimension: 1, type: 2, name: 8, rawBytes: 9 };
    this.#initializers.push(
      messageField(5, [
        ...shape.map((size) => integerField(TENSOR.dimension, size)),
        integerField(TENSOR.type, type),
        bytesField(TENSOR.name, name),
        bytesField(TENSOR.rawBytes, bytes),
      ]),
    );
    return name;
  }
}
