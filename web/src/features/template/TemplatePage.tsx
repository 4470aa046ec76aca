import { useId, useRef, useState } from 'react';
import { Viewer } from '../../canvas/Viewer';
import { Button, IconButton } from '../../components/Button';
import { EmptyState } from '../../components/EmptyState';
import { PageHeader } from '../../components/PageHeader';
import { Problem } from '../../components/Problem';
import { Tabs } from '../../components/Tabs';
import { useNotify } from '../../components/Toasts';
import { useImageSource } from '../../data/images';
import { useMay } from '../../data/session';
import { type AsReference, useAsReference } from '../../data/templates';
import { t } from '../../texts';
import { KeysDialog } from '../drawing/KeysDialog';
import { StatusBar, useStatusStore } from '../drawing/StatusBar';
import { ToolRail } from '../drawing/ToolRail';
import { useGlobalKeys, useUnloadWarning } from '../drawing/useGlobalKeys';
import { dropTarget } from '../images/dropped';
import { FileButton } from '../images/FileButton';
import { ImagePicker } from '../images/ImagePicker';
import { UploadProgressBar } from '../images/UploadProgressBar';
import { AlignmentDialog } from './AlignmentDialog';
import { EditBar } from './EditBar';
import { globalKey, imageKey } from './keys';
import { LossDialog } from './LossDialog';
import { ReferenceDialog, ReferenceNotice } from './ReferenceDoubts';
import { RegionPanel } from './RegionPanel';
import { SettingsPanel } from './SettingsPanel';
import './template.css';
import { makeTemplate } from './settings';
import { type Editor, useEditor } from './useEditor';
import { type Reference, type TemplateState, useTemplateState } from './useTemplateState';

const TOOLS = ['select', 'pan', 'rectangle', 'polygon', 'ellipse'] as const;
type Open = 'keys' | 'picker' | 'alignment' | null;

type TemplatePageProps = { readonly isShown: boolean };

/** Loads nothing before it is first looked at; then it keeps its drawing. */
export default function TemplatePage({ isShown }: TemplatePageProps) {
  const [wasShown, setWasShown] = useState(isShown);
  if (isShown && !wasShown) setWasShown(true);
  return wasShown && <Page isShown={isShown} />;
}

function Page({ isShown }: TemplatePageProps) {
  const notify = useNotify();
  const editor = useEditor((text) => notify(text, 'bad'));
  const state = useTemplateState(editor);
  const [isOpen, setIsOpen] = useState<Open>(null);
  const [waiting, setWaiting] = useState<readonly File[] | null>(null);
  const mayChange = useMay('engineer');
  const { reference } = state;
  const against = useAsReference(
    isShown && reference ? reference.id : null,
    state.settings.sizePolicy,
  );
  useUnloadWarning(state.isChanged);

  const page = {
    save: () => {
      if (mayChange) void state.save();
      else notify(t.template.mayNotSave, 'bad');
    },
    help: () => setIsOpen('keys'),
  };
  useGlobalKeys(isShown && reference !== null, (event) => globalKey(event, editor, page));

  /** A template.json replaces the drawing; an image alone only what it is drawn on. */
  function ask(files: readonly File[]) {
    const brings = files.some((file) => /\.(json|zip)$/i.test(file.name));
    if (!mayChange) notify(t.template.mayNotSave, 'bad');
    else if (state.isChanged && brings) setWaiting(files);
    else void state.open(files);
  }

  const close = () => setIsOpen(null);
  return (
    <div className="template-page" {...dropTarget(ask)}>
      <Header state={state} mayChange={mayChange} onOpen={setIsOpen} onSave={page.save} />
      {state.uploading && <UploadProgressBar progress={state.uploading} />}
      {state.newer && (
        <div className="notice" role="status">
          <p>{t.template.newer(state.newer.version, state.newer.created_by)}</p>
          <Button onClick={state.loadNewer}>{t.template.loadNewer(state.newer.version)}</Button>
        </div>
      )}
      {state.error && <Problem error={state.error} />}
      {reference && <ReferenceNotice found={against.data} reference={reference} />}
      {reference && (
        <Drawing
          state={state}
          reference={reference}
          against={against.data}
          editor={editor}
          page={page}
        />
      )}
      {!reference && state.isLoading && <p className="loading">{t.common.loading}</p>}
      {!reference && !state.isLoading && (
        <EmptyState icon="image" title={t.template.emptyTitle} text={t.template.emptyText}>
          <div className="empty-actions">
            <FileButton
              look="primary"
              icon="open"
              label={t.template.open}
              disabled={!mayChange}
              title={mayChange ? undefined : t.template.mayNotSave}
              onFiles={ask}
            />
            <Button disabled={!mayChange} onClick={() => setIsOpen('picker')}>
              {t.template.choose}
            </Button>
          </div>
        </EmptyState>
      )}
      {isOpen === 'keys' && <KeysDialog rows={t.keys.rows} onClose={close} />}
      {isOpen === 'picker' && (
        <ImagePicker
          title={t.template.chooseTitle}
          action={t.template.chooseAction}
          onClose={close}
          onChoose={(image) => {
            close();
            void state.choose(image);
          }}
        >
          <FileButton
            label={t.template.open}
            onFiles={(files) => {
              close();
              ask(files);
            }}
          />
        </ImagePicker>
      )}
      {isOpen === 'alignment' && reference && (
        <AlignmentDialog
          reference={reference}
          template={makeTemplate(reference, state.settings, editor.doc)}
          doc={editor.doc}
          onClose={close}
        />
      )}
      {state.doubted && (
        <ReferenceDialog {...state.doubted} onGo={state.takeDoubted} onClose={state.leaveDoubted} />
      )}
      {waiting && (
        <LossDialog
          onKeep={() => setWaiting(null)}
          onGo={() => {
            setWaiting(null);
            void state.open(waiting);
          }}
        />
      )}
    </div>
  );
}

type HeaderProps = {
  readonly state: TemplateState;
  readonly mayChange: boolean;
  readonly onOpen: (what: Open) => void;
  readonly onSave: () => void;
};

function Header({ state, mayChange, onOpen, onSave }: HeaderProps) {
  const { reference, version } = state;
  if (!reference) return <PageHeader title={t.template.title} />;
  const about = (
    <>
      <span role="status" className={state.isChanged ? 'is-unsaved' : ''}>
        {state.isChanged || version === null ? t.template.unsaved : t.template.version(version)}
      </span>{' '}
      · {t.template.settings.size(reference.width, reference.height)} · {reference.name}
    </>
  );
  return (
    <PageHeader title={t.template.title} about={about}>
      <IconButton icon="help" label={t.template.keys} keys="?" onClick={() => onOpen('keys')} />
      <IconButton icon="save" label={t.template.download} onClick={state.download} />
      <Button onClick={() => onOpen('alignment')}>{t.template.preview.open}</Button>
      <Button disabled={!mayChange} onClick={() => onOpen('picker')}>
        {t.template.change}
      </Button>
      <Button
        look="primary"
        aria-keyshortcuts="Control+S"
        disabled={!mayChange || state.isSaving}
        title={mayChange ? undefined : t.template.mayNotSave}
        onClick={onSave}
      >
        {t.template.save}
      </Button>
    </PageHeader>
  );
}

type DrawingProps = {
  readonly state: TemplateState;
  readonly reference: Reference;
  readonly against: AsReference | undefined;
  readonly editor: Editor;
  readonly page: Parameters<typeof imageKey>[2];
};

function Drawing({ state, reference, against, editor, page }: DrawingProps) {
  const { source, error } = useImageSource(reference);
  const status = useStatusStore();
  const help = useId();
  const stage = useRef<HTMLElement>(null);
  const focusImage = () => stage.current?.querySelector<HTMLElement>('.viewer')?.focus();
  const { settings } = state;
  const tabs = [
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
          against={against}
          onChange={state.setSettings}
        />
      ),
    },
  ];
  return (
    <div className="editor">
      <ToolRail
        tools={TOOLS}
        current={editor.toolName}
        onChoose={editor.setTool}
        onPointed={focusImage}
      />
      <section ref={stage} className="stage" aria-label={t.viewer.label}>
        <EditBar editor={editor} onPointed={focusImage} />
        {error && <Problem error={error} />}
        {source ? (
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
        ) : (
          <div className="viewer" aria-busy={!error} />
        )}
        <StatusBar store={status} hint={t.toolHints[editor.toolName]} helpId={help} />
      </section>
      <aside className="side-panel" aria-label={t.template.selection}>
        <Tabs label={t.template.selection} tabs={tabs} />
      </aside>
    </div>
  );
}
