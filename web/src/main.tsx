import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import './styles/tokens.css';
import './styles/base.css';
import './styles/components.css';
import './styles/panels.css';
import './styles/shell.css';
import './styles/drawing.css';
import { App } from './shell/App';
import { applyTheme, storedTheme } from './shell/theme';

applyTheme(storedTheme());
const root = document.getElementById('root');
if (root) {
  createRoot(root).render(
    <StrictMode>
      <App />
    </StrictMode>,
  );
}
