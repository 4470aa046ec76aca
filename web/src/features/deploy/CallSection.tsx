import { useState } from 'react';
import { Button } from '../../components/Button';
import { Segments } from '../../components/Field';
import { useNotify } from '../../components/Toasts';
import { useProject } from '../../data/projects';
import { t } from '../../texts';
import { curlCall, inspectUrl, pythonCall } from './snippets';

/** Ready to paste: how a machine inspects in this project. */
export function CallSection() {
  const { id } = useProject();
  const [kind, setKind] = useState<'curl' | 'python'>('curl');
  const texts = t.deploy.call;
  const url = inspectUrl(location.origin, id);
  const code = kind === 'curl' ? curlCall(url) : pythonCall(url);
  return (
    <section className="deploy-part" aria-labelledby="call-title">
      <header>
        <h2 id="call-title">{texts.title}</h2>
        <p>{texts.text}</p>
      </header>
      <div className="call-bar">
        <Segments
          label={texts.title}
          value={kind}
          options={['curl', 'python'] as const}
          names={{ curl: texts.curl, python: texts.python }}
          onChange={setKind}
        />
        <CopyButton text={code} />
      </div>
      <section
        className="code"
        // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, so keys have to reach it
        tabIndex={0}
        aria-label={texts.code(kind === 'curl' ? texts.curl : texts.python)}
      >
        <pre>{code}</pre>
      </section>
      <p className="field-hint">{texts.busy}</p>
    </section>
  );
}

export function CopyButton({ text }: { readonly text: string }) {
  const notify = useNotify();
  const texts = t.deploy.call;
  async function copy() {
    try {
      await navigator.clipboard.writeText(text);
      notify(texts.copied, 'good');
    } catch {
      notify(texts.copyFailed, 'bad'); // also where the address is not secure
    }
  }
  return (
    <Button icon="copy" onClick={() => void copy()}>
      {texts.copy}
    </Button>
  );
}
