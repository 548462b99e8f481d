//! Every code a diagnostic can carry, with the text `fenta explain CODE` shows.
//!
//! A code is a promise: its meaning never changes. New problems get new codes.

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $code:literal: $text:literal;)+) => {
        $($(#[$doc])* pub const $name: &str = $code;)+

        /// Every code with its explanation, in the order of this file.
        pub const ALL: &[(&str, &str)] = &[$(($code, $text)),+];
    };
}

codes! {
    /// The text is not YAML.
    SYNTAX = "syntax/yaml": "The text cannot be read as YAML 1.2. Most often it is an indentation that does not line up, \
        a quote or bracket that is not closed, a tab, or a text with `: ` in it that needs quotes. Inside `{ }` and `[ ]` \
        expressions must be quoted: { text: \"${{ inputs.text }}\" }.";
    /// A key stands twice in one map.
    DUPLICATE_KEY = "syntax/duplicate-key": "A key stands twice in the same map. Which of the two is meant cannot be \
        known, so one of them has to go.";
    /// An anchor, alias or merge key.
    ALIAS = "syntax/alias": "Anchors (&name), aliases (*name) and merge keys (<<) are not part of the language: they make \
        a document mean something other than what is written in each place. Put shared values under `vars` and write \
        ${{ vars.name }}.";
    /// A YAML tag.
    TAG = "syntax/tag": "Tags such as !include or !!python/object are not part of the language. Types come from what is \
        written; quotes make text.";
    /// A second YAML document in the file.
    SECOND_DOCUMENT = "syntax/second-document": "A file holds one workflow. A line with `---` or `...` in the middle of a \
        file starts another document.";
    /// The document is over a limit.
    TOO_LARGE = "syntax/too-large": "A document has at most 4 MiB, 64 levels, 250 000 values, 25 000 entries of one map or list, and 20 000 nodes. Long texts belong in files \
        that Input.Text reads.";
    /// Bytes that are no text.
    ENCODING = "syntax/encoding": "A document is UTF-8 text, and these bytes are not: the file was saved in another encoding \
        (Latin-1, UTF-16), or it is no text at all. Save it as UTF-8.";
    /// More errors than are shown.
    TOO_MANY = "document/too-many": "The document has more than 100 errors. The first 100 are shown; one slip, for example a \
        misspelt name that many places use, often explains many of them.";
    /// `fenta: workflow/v1` is missing or something else.
    VERSION = "document/version": "A workflow begins with `fenta: workflow/v1`. The version fixes the meaning of every \
        other key; v1 never changes meaning.";
    /// A key that is not part of the language.
    UNKNOWN_KEY = "document/unknown-key": "The key is not part of the language at this place. Nothing is ever ignored \
        silently, so that a slip of the fingers cannot change what a workflow does.";
    /// A key that is part of the language but not of this version of the program.
    UNAVAILABLE = "document/not-available": "The language has this, but this version of the program cannot do it yet. It \
        is refused rather than ignored. Remove it, or use a newer version.";
    /// A value of the wrong shape.
    WRONG_TYPE = "document/wrong-type": "The value has the wrong shape for this place, for example a list where a map is \
        needed, or a number where text is needed. Quotes make text: \"2026\".";
    /// A key that must be there.
    MISSING_KEY = "document/missing-key": "A key that this place needs is not written. Every node has a `type`, every input a type, \
        every schedule `cron` and `timezone`, every watch `path` and `into`, and a workflow has `nodes`.";
    /// A name that is not allowed.
    BAD_NAME = "document/bad-name": "Names of nodes, inputs, variables and outputs begin with a small letter and go on \
        with small letters, digits and _; at most 40 characters. They appear in expressions, so they must be plain. \
        The name of the workflow itself is one line of any letters.";
    /// An input's default or limits do not fit its type.
    INPUT = "document/input": "The declaration of an input contradicts itself: its default, limits or choices do not fit \
        its type.";
    /// A setting of the document or a rule of a node that cannot be.
    SETTING = "document/bad-setting": "A setting of the document (`budget`, `providers`, `schedule`, `watch`, `network`) or a \
        rule of a node (`retry`, `timeout`, `cache`, `on_error`) has a value it cannot have. The message says what may \
        stand there.";
    /// A cron line that cannot be read.
    CRON = "document/cron": "A schedule's times are five fields: minute (0-59), hour (0-23), day of month (1-31), month (1-12 \
        or jan-dec), day of week (0-7 or sun-sat; 0 and 7 are Sunday). A field is `*`, a number, a range `1-5`, a step \
        `*/15`, or several of these with commas. @hourly, @daily, @weekly, @monthly and @yearly are short for the usual ones.";
    /// `for_each`, `item` or `index` where they cannot be.
    FOR_EACH = "graph/for-each": "`for_each` makes a node run once per item of a list. Its values see the item as `item` and its \
        number, from 0, as `index`; nothing outside the node sees them. The node's outputs become lists in the order of \
        the items, and `max_parallel` says how many run at once.";
    /// A condition that is neither true nor false.
    CONDITION = "graph/condition": "`if` is one expression that is true or false: `if: ${{ inputs.music and len(nodes.clips.media) > 0 }}`. \
        Nothing (null) counts as false. Texts, numbers and lists are not conditions by themselves: compare them.";
    /// A reference to an output that may not be there.
    MAYBE_MISSING = "graph/maybe-missing": "The node referred to may be skipped: it has `if`, `on_error: skip` or `optional`, and \
        then its outputs are null. Whoever uses one says what to use instead, ${{ default(nodes.bed.audio, null) }}, or runs \
        only when it is there: `if: ${{ nodes.bed.audio != null }}`. Two nodes with the same condition need no more than that.";
    /// An expression that cannot be read.
    EXPR_SYNTAX = "expr/syntax": "What stands between ${{ and }} is not an expression. Expressions have names \
        (inputs.topic, nodes.voice.seconds), numbers, 'texts', lists, operators (+ - * / % ~ == != < <= > >= and or not), \
        `a if condition else b`, and functions: upper(inputs.topic) or inputs.topic | upper. Write $${{ for a literal ${{.";
    /// An expression over a limit.
    EXPR_LIMIT = "expr/limit": "An expression has at most 1024 bytes, 200 operators, dots and calls, and 32 levels of \
        brackets; a text has at most 1000 expressions. Split it: put a part under `vars`.";
    /// A function that does not exist.
    EXPR_FUNCTION = "expr/unknown-function": "There is no function with this name. The functions are: concat, date, default, \
        duration, first, flatten, join, json, last, len, lower, max, min, pick, product, range, replace, round, slug, \
        split, sum, trim, truncate, unique, upper, zip.";
    /// A function called with too many or too few values.
    EXPR_ARGUMENTS = "expr/arguments": "A function gets more or fewer values than it takes. In `x | f(a)` the value before \
        the bar is the first: it means f(x, a).";
    /// An expression that cannot have a value.
    EXPR_VALUE = "expr/value": "The expression can be read, but it has no value: an operator or a function gets a type it means \
        nothing for, or it sees only constants and its evaluation fails. Numbers go with + - * / %, two texts or two lists \
        with +, and ~ makes a text of both sides.";
    /// A name that expressions cannot see.
    EXPR_CONTEXT = "expr/unknown-context": "Expressions see `inputs`, `vars`, `nodes` and `job`, and in a node with \
        `for_each` also `item` and `index`. There is no `env` and no \
        `secrets`: whatever needs a key fetches it itself, so that no document and no log can leak one.";
    /// A field a job does not have.
    EXPR_JOB = "expr/unknown-job-field": "A job has `id` and `date`: ${{ job.id }}, ${{ job.date }}.";
    /// A reference to a node that does not exist.
    UNKNOWN_NODE = "graph/unknown-node": "The expression or `needs` names a node that is not in `nodes`. Node names \
        are the keys of `nodes`, exactly as written there; the types behind them, such as Voice.TTS, are not names.";
    /// A reference to a port that the node does not have.
    UNKNOWN_PORT = "graph/unknown-port": "The node exists, but it has no output of this name. `fenta nodes show TYPE` lists \
        the outputs of a node type.";
    /// A reference that stops at the node.
    INCOMPLETE = "graph/incomplete-reference": "A reference names a node and one of its outputs: ${{ nodes.voice.seconds }}.";
    /// A reference to an input that does not exist.
    UNKNOWN_INPUT = "graph/unknown-input": "The expression names an input that is not in `inputs`. Inputs are \
        declared with a type before they are used: `inputs: { topic: { type: string } }`.";
    /// A reference to a variable that does not exist.
    UNKNOWN_VAR = "graph/unknown-var": "The expression names a variable that is not in `vars`. Values used in several \
        places are written once there: `vars: { title: Bees }`, and used as ${{ vars.title }}.";
    /// A node type that does not exist.
    UNKNOWN_TYPE = "graph/unknown-type": "There is no node type with this name. `fenta nodes list` lists them.";
    /// A node type that is part of the language but not of this version.
    TYPE_UNAVAILABLE = "graph/type-not-available": "The node type is part of the language, but this version of the program \
        cannot do it yet.";
    /// A parameter the node type does not have.
    UNKNOWN_PARAM = "graph/unknown-param": "The node type has no parameter of this name. `fenta nodes show TYPE` lists \
        them.";
    /// A parameter that must be given.
    MISSING_PARAM = "graph/missing-param": "The node needs a parameter that is not written, or that is written without a \
        value. `fenta nodes show TYPE` says which ones a type needs and what they take.";
    /// A value of the wrong type for its parameter.
    TYPE_MISMATCH = "graph/type-mismatch": "The value has another type than the parameter takes. Ports are typed; the only \
        conversions are: one value to a list of one, video or image to media, voice to audio, script to text.";
    /// A literal value outside a parameter's limits.
    BAD_VALUE = "graph/bad-value": "The value does not fit the parameter: it is out of range, not one of the choices, or \
        not of the form that is needed.";
    /// Two nodes write one file.
    SAME_TARGET = "graph/same-target": "Two nodes write the same file: the later one would take the place of the earlier \
        one's result, and which is later is chance. Give each a name of its own, or a condition that only one of them meets.";
    /// Nodes that wait for each other.
    CYCLE = "graph/cycle": "These nodes wait for each other, so none of them can begin. Remove one of the references.";
    /// Parameters that contradict each other.
    CONFLICT = "graph/conflict": "Two parameters of the node contradict each other, or one means nothing beside the other. \
        Nothing is ever ignored silently, so one of them has to go.";
    /// A placeholder that the template does not have.
    PLACEHOLDER = "graph/unknown-placeholder": "The template has no placeholder of this name, so nothing would show \
        the value. `fenta template show NAME` lists the placeholders of a template.";
    /// A value that cannot be an output of the workflow.
    OUTPUT = "graph/output": "Outputs of a workflow are texts and numbers. A file is published with Output.Download; output \
        that node's `path`.";
    /// A file the document names is not there.
    MISSING_FILE = "file/missing": "The document names a file or folder that is not there. Relative paths in a document begin at \
        the document's own folder; paths given with -p begin at the folder you run the command in.";
    /// A path that leaves the project.
    PATH = "lint/path": "A path of the document is absolute, leaves the document's folder, or names a home folder. The \
        document works on this machine and on no other: a colleague, a server and next year's machine have other folders. \
        Wrong: file: /home/ada/bed.mp3. Right: file: ./bed.mp3, or an input of type `audio` given with -p.";
    /// Braces that are no expression.
    BRACES = "lint/literal-braces": "A text has braces that read like a reference, but only ${{ }} is evaluated. It reaches \
        the screen or the voice as it is written. Wrong: text: \"Hello {{ inputs.name }}\". Right: text: \"Hello ${{ \
        inputs.name }}\".";
    /// A face without the letters of the language.
    FONT = "lint/font": "The faces the template names do not have the letters of the language that is spoken. Another face \
        draws them, with another look, and on a machine without such a face the render fails. Name a face for the script \
        under `theme.fonts` of a template that extends this one.";
    /// A text of any length for a place that is limited.
    FILL_LENGTH = "lint/fill-length": "A placeholder of the template holds a limited number of characters and is filled from an \
        input that may be longer, so a run fails when it is. Wrong: topic: string. Right: topic: { type: string, \
        max_length: 60 }.";
    /// Material for non-commercial use in a workflow that publishes.
    LICENCE = "lint/licence": "The licence of some material forbids commercial use, and the workflow hands its result on. \
        Advertising beside a video is commercial use. Take cc0 or cc-by material, compose the music on this machine, or \
        make sure that the publication earns nothing.";
    /// A model that has ended.
    RETIRED_MODEL = "lint/retired-model": "The provider has ended the model, so a run that needs it fails. The hint names the \
        model that takes its place. The table of models has a date; `fenta nodes show TYPE` names what a node can use.";
    /// A schedule that goes on after its model ends.
    OUTLIVED_MODEL = "lint/schedule-outlives-model": "The provider has announced the day on which the model ends, and the \
        schedule goes on after it. From that day every run fails. Write the model that takes its place now, or end the \
        schedule before.";
    /// A trigger that nothing obeys.
    TRIGGER = "lint/trigger": "The document says when it wants to run by itself, but nothing will start it: the schedule \
        is over. Schedules begin runs after `fenta schedule add`, watches after `fenta watch add`.";
    /// A text that looks like a key.
    SECRET = "lint/secret": "A text of the document looks like a key or a token. Documents are shared, logged and kept, so a \
        key in one is a key lost: remove it and make a new one. Keys belong in the keyring; whatever needs one fetches it \
        itself.";
    /// A template's header is missing or something else.
    TEMPLATE_VERSION = "template/version": "A template begins with `fenta: template/v1`. The version fixes the meaning of \
        every other key; v1 never changes meaning.";
    /// A template's value outside its limits, or not one of the choices.
    TEMPLATE_VALUE = "template/value": "The value does not fit the key of the template: it is out of range, not one of the \
        choices, or not of the form that is needed. `fenta schema template` lists every key with its limits.";
    /// A name that a template uses and nobody declares.
    TEMPLATE_NAME = "template/unknown-name": "The template uses a name that is not declared: a placeholder must stand in \
        `placeholders` with a type that fits, a colour or a face in `theme`, an item in an overlay track.";
    /// Keys of a template that contradict each other.
    TEMPLATE_CONFLICT = "template/conflict": "Two keys of the template contradict each other, or a key means nothing beside \
        another one. Nothing is ever ignored silently, so one of them has to go.";
    /// Something wrong with what a template extends.
    TEMPLATE_EXTENDS = "template/extends": "The template that is extended does not exist, has mistakes of its own, or the \
        chain of templates goes in a circle or is longer than eight.";
    /// A text that leaves the safe zone.
    TEMPLATE_SAFE_ZONE = "template/safe-zone": "A text reaches into a part of the screen that platforms cover with their own \
        interface: names, buttons, descriptions. Move it, make it narrower, or say `safe_zone: none`.";
    /// A node nothing uses.
    UNUSED = "graph/unused": "Nothing uses the node's outputs and it publishes nothing itself, so its work is thrown away.";
}

/// What a code means and how the problem is solved.
pub fn explain(code: &str) -> Option<&'static str> {
    ALL.iter()
        .find(|(known, _)| *known == code)
        .map(|(_, text)| *text)
}

#[cfg(test)]
mod tests {
    use super::*;

    // spec: W-12
    #[test]
    fn codes_are_unique_and_explained() {
        let mut seen = std::collections::BTreeSet::new();
        for (code, text) in ALL {
            assert!(seen.insert(code), "{code} twice");
            assert!(text.ends_with('.') && text.len() > 40, "{code}");
            assert!(!text.contains("  "), "{code} has a hole in its text");
            assert_eq!(explain(code), Some(*text));
        }
        assert_eq!(explain("nope"), None);
    }
}
