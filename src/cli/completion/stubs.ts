import { COMPLETE } from "./complete.ts";
import type { ShellName } from "./shells.ts";

/**
 * The stubs for shells: each asks the program that is being typed for its offers, and shows them.
 * Names of files are for the shell to complete.
 */
export const STUBS: Record<ShellName, string> = {
  // bash 3.2 and later.
  bash: `# Completion of shoal for bash: source <(shoal completion bash)
_shoal() {
  local cur=\${COMP_WORDS[COMP_CWORD]} kind= line
  COMPREPLY=()
  while IFS= read -r line; do
    if [[ -z $kind ]]; then kind=$line; else COMPREPLY+=("$line"); fi
  done < <("\${COMP_WORDS[0]/#\\~/$HOME}" ${COMPLETE} bash $((COMP_CWORD - 1)) "\${COMP_WORDS[@]:1}" 2>/dev/null)
  [[ $kind == file || $kind == folder ]] || return
  [[ $cur != = ]] || cur=
  compopt -o filenames 2>/dev/null
  local how=-f
  [[ $kind == file ]] || how=-d
  while IFS= read -r line; do COMPREPLY+=("$line"); done < <(compgen $how -- "$cur")
}
complete -F _shoal shoal
`,
  zsh: `#compdef shoal
# Completion of shoal for zsh: source <(shoal completion zsh)
_shoal() {
  local cur=\${words[CURRENT]}
  local -a offers
  offers=("\${(@f)$("\${words[1]/#\\~/$HOME}" ${COMPLETE} zsh $((CURRENT - 2)) "\${(@)words[2,-1]}" 2>/dev/null)}")
  local kind=\${offers[1]}
  shift offers
  # --option=value is one word here.
  if [[ $cur == --*=* ]]; then compset -P '*='; cur=; fi
  case $kind in
    file) _files ;;
    folder) _files -/ ;;
    *) if [[ $cur == -* ]]; then _describe -o option offers; else _describe word offers; fi ;;
  esac
}
if [[ \${funcstack[1]} == _shoal ]]; then _shoal "$@"; else compdef _shoal shoal; fi
`,
  fish: `# Completion of shoal for fish: shoal completion fish | source
function __shoal_complete
  set -l before (commandline -opc)
  set -l current (commandline -ct)
  set -l program (string replace -r '^~' $HOME -- $before[1])
  set -l index (math (count $before) - 1)
  set -l answer ($program ${COMPLETE} fish $index $before[2..] "$current" 2>/dev/null)
  set -l option (string match -r '^--[^=]+=' -- $current)
  set -l rest (string replace -r '^--[^=]+=' '' -- $current)
  switch "$answer[1]"
    case file
      for path in (__fish_complete_path "$rest")
        echo "$option$path"
      end
    case folder
      for path in (__fish_complete_directories "$rest" '')
        echo "$option$path"
      end
    case '*'
      for word in $answer[2..]
        echo $word
      end
  end
end
complete -c shoal -f -a '(__shoal_complete)'
`,
  powershell:
    `# Completion of shoal for PowerShell: shoal completion powershell | Out-String | Invoke-Expression
Register-ArgumentCompleter -Native -CommandName shoal, shoal.exe -ScriptBlock {
  param($wordToComplete, $commandAst, $cursorPosition)
  $before = @($commandAst.CommandElements | Select-Object -Skip 1 |
    Where-Object { $_.Extent.EndOffset -lt $cursorPosition } | ForEach-Object { $_.ToString() })
  $program = $commandAst.CommandElements[0].ToString()
  $answer = @(& $program ${COMPLETE} powershell $before.Count @before $wordToComplete)
  # Without an answer, PowerShell completes names of files.
  if ($answer[0] -ne 'words') { return }
  $answer | Select-Object -Skip 1 | ForEach-Object {
    $word, $help = $_ -split "\`t", 2
    if (-not $help) { $help = $word }
    [System.Management.Automation.CompletionResult]::new($word, $word, 'ParameterValue', $help)
  }
}
`,
};
