# Completion for coppice in bash; `coppice completion bash` prints it.

_coppice() {
  local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]} command="" word
  local i
  COMPREPLY=()

  # The command is the first word that is no option.
  for ((i = 1; i < COMP_CWORD; i++)); do
    if [[ ${COMP_WORDS[i]} != -* ]]; then
      command=${COMP_WORDS[i]}
      break
    fi
  done

  case $command in
    "")
      mapfile -t COMPREPLY < <(compgen -W "new completion --help --version" -- "$current")
      ;;
    new)
      case $previous in
        --dir)
          compopt -o filenames
          mapfile -t COMPREPLY < <(compgen -d -- "$current")
          return
          ;;
        --build)
          mapfile -t COMPREPLY < <(compgen -W "meson cmake" -- "$current")
          return
          ;;
        --module)
          return
          ;;
      esac
      if [[ $current == -* ]]; then
        # What has been given is not offered again.
        for word in --sup --module --dir --build --help; do
          [[ " ${COMP_WORDS[*]:1:COMP_CWORD-1} " == *" $word "* ]] ||
            COMPREPLY+=("$word")
        done
        mapfile -t COMPREPLY < <(compgen -W "${COMPREPLY[*]}" -- "$current")
      else
        compopt -o filenames
        mapfile -t COMPREPLY < <(compgen -d -- "$current")
      fi
      ;;
    completion)
      mapfile -t COMPREPLY < <(compgen -W "bash zsh --help" -- "$current")
      ;;
  esac
}

complete -F _coppice coppice
