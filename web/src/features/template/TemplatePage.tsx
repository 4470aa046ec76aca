import { type DragEvent, useEffect, useId, useMemo, useRef, useState } from 'react';
import { Viewer } from '../../canvas/Viewer';
import { Button } from '../../components/Button';
import { EmptyState } from '../../components/EmptyState';
import { Tabs } from '../../components/Tabs';
import { useNotify } from '../../components/Toasts';
import { type Document, documentOfRegions } from '../../core/document';
import { templateText } from '../../core/template';
import { errorText, t } from '../../texts';
import { KeysDialog, LossDialog } from './dialogs';
import { EditBar } from './EditBar';
import { openFiles, type Reference, saveText } from './files';
import { globalKey, imageKey } from './keys';
import { RegionPanel } from './RegionPanel';
import { SettingsPanel } from './SettingsPanel';
import { StatusBar, useStatusStore } from './StatusBar';
import { defaultSettings, makeTemplate, type Settings } from './settings';
import { ToolRail } from './ToolRail';
import { useEditor } from './useEditor';

const ACCEPTED = 'image/png,image/jpeg,image/bmp,image/webp,.json';
const TEXT_INPUTS = 'input:not([type=radio], [type=checkbox]), textarea, dialog';

export default function TemplatePage({ isShown }: { readonly isShown: boolean }) {
  const notify = useNotify();
  const editor = useEditor((text) => notify(text, 'bad'));
  const [reference, setReference] = useState<Reference | null>(null);
  const [settings, setSettings] = useState<Settings>(defaultSettings('', 1));
  const [saved, setSaved] = useState<{ doc: Document; settings: Settings } | null>(null);
  const status = useStatusStore();
  const stage = useRef<HTMLElement>(null);
  const focusImage = () => stage.current?.querySelector<HTMLElement>('.viewer')?.focus();
  const [isHelpOpen, setIsHelpOpen] = useState(false);
  const [waiting, setWaiting] = useState<readonly File[] | null>(null);
  const input = useRef<HTMLInputElement>(null);
  const help = useId();

  const isChanged =
    reference !== null && (saved?.doc !== editor.doc || saved.settings !== settings);
  useUnloadWarning(isChanged);

  async function open(files: readonly File[]) {
    if (files.length === 0) return;
    try {
      const opened = await openFiles(files, reference);
      const { template } = opened;
      const size = { width: opened.reference.width, height: opened.reference.height };
      const doc = documentOfRegions(size, template?.regions ?? []);
      const name = opened.reference.file.replace(/\.[^.]*$/, '');
      const next = template ?? defaultSettings(name, Math.max(size.width, size.height));
      setReference(opened.reference);
      setSettings(next);
      editor.load(doc);
      editor.setTool(template ? 'select' : 'rectangle');
      setSaved({ doc, settings: next });
      if (template) notify(t.template.opened(template.regions.length), 'good');
    } catch (error) {
      notify(errorText(error), 'bad');
    }
  }

  function ask(files: readonly File[]) {
    if (isChanged && files.length > 0) setWaiting(files);
    else void open(files);
  }

  function save() {
    if (!reference) return;
    try {
      saveText('template.json', templateText(makeTemplate(reference, settings, editor.doc)));
      setSaved({ doc: editor.doc, settings });
      const text = editor.doc.regions.length > 0 ? t.template.saved : t.template.savedWhole;
      notify(text(reference.file), 'good');
    } catch (error) {
      notify(errorText(error), 'bad');
    }
  }

  const page = { save, help: () => setIsHelpOpen(true) };
  useGlobalKeys(isShown && reference !== null, (event) => globalKey(event, editor, page));
  const source = useMemo(
    () =>
      reference && {
        kind: 'plain' as const,
        image: reference.image,
        width: reference.width,
        height: reference.height,
      },
    [reference],
  );

  const drop = {
    onDragOver: (event: DragEvent) => event.preventDefault(),
    onDrop: (event: DragEvent) => {
      event.preventDefault();
      ask([...event.dataTransfer.files]);
    },
  };

  return (
    <div className="template-page" {...drop}>
      <header className="page-header">
        <h1>{t.template.title}</h1>
        {reference && (
          <p className="file-name">
            {reference.file}{' '}
            <span>{t.template.settings.size(reference.width, reference.height)}</span>
          </p>
        )}
        <div className="page-actions">
          <input
            ref={input}
            id="reference-files"
            type="file"
            multiple
            hidden
            accept={ACCEPTED}
            onChange={(event) => {
              ask([...(event.target.files ?? [])]);
              event.target.value = '';
            }}
          />
          {reference && (
            <>
              <Button icon="help" look="quiet" onClick={page.help}>
                {t.template.keys}
              </Button>
              <Button icon="open" onClick={() => input.current?.click()}>
                {t.template.openOther}
              </Button>
              <Button icon="save" look="primary" onClick={save} aria-keyshortcuts="Control+S">
                {t.template.save}
              </Button>
            </>
          )}
        </div>
      </header>
      {reference && source ? (
        <div className="editor">
          <ToolRail editor={editor} onPointed={focusImage} />
          <section ref={stage} className="stage" aria-label={t.viewer.label}>
            <EditBar editor={editor} onPointed={focusImage} />
            <Viewer
              source={source}
              doc={editor.doc}
              selection={editor.selection}
              tool={editor.tool}
              context={editor.context}
              label={t.viewer.label}
              describedBy={help}
              onKey={(event) => imageKey(event, editor, page)}
              onStatus={status.set}
            />
            <StatusBar store={status} hint={hintOf(editor.toolName)} helpId={help} />
          </section>
          <aside className="side-panel" aria-label={t.template.selection}>
            <Tabs
              label={t.template.selection}
              tabs={[
                {
                  key: 'regions',
                  name: t.template.tabs.regions,
                  content: <RegionPanel editor={editor} smallest={settings.smallestDefectPx} />,
                },
                {
                  key: 'settings',
                  name: t.template.tabs.settings,
                  content: (
                    <SettingsPanel
                      settings={settings}
                      reference={reference}
                      onChange={setSettings}
                    />
                  ),
                },
              ]}
            />
          </aside>
        </div>
      ) : (
        <EmptyState icon="image" title={t.template.emptyTitle} text={t.template.emptyText}>
          <Button icon="open" look="primary" onClick={() => input.current?.click()}>
            {t.template.open}
          </Button>
        </EmptyState>
      )}
      {isHelpOpen && <KeysDialog onClose={() => setIsHelpOpen(false)} />}
      {waiting && (
        <LossDialog
          onKeep={() => setWaiting(null)}
          onGo={() => {
            setWaiting(null);
            void open(waiting);
          }}
        />
      )}
    </div>
  );
}

function hintOf(tool: keyof typeof t.toolHints): string {
  return t.toolHints[tool];
}

function useUnloadWarning(isChanged: boolean): void {
  useEffect(() => {
    if (!isChanged) return;
    const warn = (event: BeforeUnloadEvent) => event.preventDefault();
    window.addEventListener('beforeunload', warn);
    return () => window.removeEventListener('beforeunload', warn);
  }, [isChanged]);
}

function useGlobalKeys(isOn: boolean, onKey: (event: KeyboardEvent) => boolean): void {
  const latest = useRef(onKey);
  useEffect(() => {
    latest.current = onKey;
  });
  useEffect(() => {
    if (!isOn) return;
    const listen = (event: KeyboardEvent) => {
      const target = event.target as HTMLElement | null;
      const isTyping = target?.closest(TEXT_INPUTS) != null && event.key.toLowerCase() !== 's';
      if (!isTyping && latest.current(event)) event.preventDefault();
    };
    window.addEventListener('keydown', listen);
    return () => window.removeEventListener('keydown', listen);
  }, [isOn]);
}
