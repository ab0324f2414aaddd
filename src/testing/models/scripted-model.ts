import type {
  LanguageModelV4,
  LanguageModelV4CallOptions,
  LanguageModelV4GenerateResult,
  LanguageModelV4StreamResult,
} from '@ai-sdk/provider';
import type { Answering } from './answering.ts';
import type { ModelCall } from './model-call.ts';

/** Takes a call and gives what answers it. */
export type Ask = (kind: ModelCall['kind'], options: LanguageModelV4CallOptions) => Answering;

/** A model of a test, as the AI SDK takes it. */
export class ScriptedModel implements LanguageModelV4 {
  readonly specificationVersion = 'v4';
  readonly provider = 'enginehouse-testing';
  readonly modelId: string;
  /** All of them: a test downloads nothing. */
  readonly supportedUrls = { '*/*': [/^/] };
  readonly #ask: Ask;

  /** @internal */
  constructor(modelId: string, ask: Ask) {
    this.modelId = modelId;
    this.#ask = ask;
  }

  async doGenerate(options: LanguageModelV4CallOptions): Promise<LanguageModelV4GenerateResult> {
    return this.#ask('generate', options).generate();
  }

  async doStream(options: LanguageModelV4CallOptions): Promise<LanguageModelV4StreamResult> {
    return this.#ask('stream', options).stream();
  }
}
