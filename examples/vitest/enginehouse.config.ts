import { customProvider, gateway } from 'ai';

import { application } from './src/application.ts';

// A real model is behind each name. None is asked before an agent asks it.
export default application(customProvider({ languageModels: { librarian: gateway('anthropic/claude-sonnet-4.5') } }));
