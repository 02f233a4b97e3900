// The providers of models, and what each of them needs to be told.

export type Need = 'must' | 'may' | 'no'

export interface Provider {
  id: string
  name: string
  about: string
  modelWord?: string
  modelHint: string
  baseUrl: Need
  baseUrlHint: string
  baseUrlExample: string
  /** aws: a key, or a role that may be taken. */
  key: Need | 'aws'
  keyHint?: string
}

export const isAws = (p: Provider): boolean => p.key === 'aws'

export const providers: readonly Provider[] = [
  {
    id: 'openai',
    name: 'OpenAI, or compatible',
    about: 'OpenAI’s own service, and all that speak like it: vLLM, LiteLLM, Azure and many more.',
    modelHint: 'As the provider calls it.',
    baseUrl: 'may',
    baseUrlHint: 'Empty is OpenAI’s own.',
    baseUrlExample: 'https://models.example.com/v1',
    key: 'may',
  },
  {
    id: 'anthropic',
    name: 'Anthropic',
    about: 'Claude, from Anthropic’s own service.',
    modelHint: 'As Anthropic calls it.',
    baseUrl: 'may',
    baseUrlHint: 'Empty is Anthropic’s own.',
    baseUrlExample: 'https://api.anthropic.com',
    key: 'must',
  },
  {
    id: 'ollama',
    name: 'Ollama',
    about: 'Models on machines of your own.',
    modelHint: 'With its tag, such as qwen3:32b. It should know how to use tools.',
    baseUrl: 'must',
    baseUrlHint: 'Where Ollama listens, as KubeChat reaches it.',
    baseUrlExample: 'https://ollama.example.com',
    key: 'may',
  },
  {
    id: 'bedrock',
    name: 'Amazon Bedrock',
    about: 'Models in your own AWS account, in one region.',
    modelHint: 'A model’s id, or an inference profile’s.',
    baseUrl: 'may',
    baseUrlHint: 'Only for an endpoint of your own.',
    baseUrlExample: 'https://bedrock-runtime.eu-central-1.amazonaws.com',
    key: 'aws',
    keyHint: 'ACCESSKEYID:SECRET, or a Bedrock API key.',
  },
  {
    id: 'sagemaker',
    name: 'Amazon SageMaker',
    about: 'A model of your own behind a SageMaker endpoint.',
    modelWord: 'Endpoint',
    modelHint: 'The endpoint’s name.',
    baseUrl: 'may',
    baseUrlHint: 'Only for an endpoint of your own.',
    baseUrlExample: 'https://runtime.sagemaker.eu-central-1.amazonaws.com',
    key: 'aws',
    keyHint: 'ACCESSKEYID:SECRET.',
  },
]
